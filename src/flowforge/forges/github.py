"""GitHub: its webhooks (docs: Webhook events and payloads, Validating webhook deliveries)."""

from datetime import datetime

from flowforge.forges import checks, telling
from flowforge.forges.forge import Forge, Headers, StatusApi
from flowforge.forges.github_status import api_of, status_answer, status_request
from flowforge.forges.payload import Missing, Payload
from flowforge.forges.reading import Reader, read_with, repository_in
from flowforge.forges.signature import prefixed
from flowforge.forges.telling import Author, Proposed, RefMoved
from flowforge.model.push import ForgeRepository, Ignored, Reading
from flowforge.model.trigger import PullRequest

NAME = "github"

_TRIED = frozenset({"opened", "synchronize", "reopened"})
_ANOTHER_TARGET = "edited"


def recognise(headers: Headers) -> bool:
    """Gitea and Forgejo send GitHub's headers beside their own."""
    return "x-github-event" in headers and "x-gitea-event" not in headers and "x-forgejo-event" not in headers


def signature_ok(secret: bytes, headers: Headers, body: bytes, now: datetime) -> bool:  # noqa: ARG001
    return prefixed(secret, headers.get("x-hub-signature-256", ""), body)


def read(headers: Headers, body: bytes) -> Reading:
    event = headers.get("x-github-event", "")
    readers: dict[str, Reader] = {"push": _push, "pull_request": _pull_request}
    otherwise = Ignored(reason="a ping" if event == "ping" else "unsupported event")
    return read_with(readers.get(event), headers, body, otherwise)


def repository(body: bytes) -> ForgeRepository | None:
    return repository_in(body, "repository", _repository)


def _push(payload: Payload, headers: Headers) -> Reading:
    repository = _repository(payload.within("repository"))
    head = payload.perhaps_within("head_commit")
    moved = RefMoved(
        ref=payload.checked("ref", checks.ref),
        before=payload.perhaps_checked("before", checks.commit) or "",
        after=payload.checked("after", checks.commit),
        commit=head.perhaps_checked("id", checks.commit) or "",
        message=head.raw("message"),
        title=head.perhaps("message"),
        author=_pusher(payload, head),
        deleted=payload.flag("deleted"),
    )
    return telling.push(repository, moved, _delivery_id(headers))


def _pull_request(payload: Payload, headers: Headers) -> Reading:
    action = payload.text("action")
    moved = action == _ANOTHER_TARGET and payload.perhaps_within("changes").has("base")
    if action not in _TRIED and action != "closed" and not moved:
        return Ignored(reason="the pull request's code and target are the same")
    repository = _repository(payload.within("repository"))
    fields = payload.within("pull_request")
    head, base = fields.within("head"), fields.within("base")
    number = fields.number("number")
    proposed = Proposed(
        request=PullRequest(
            number=number,
            target=base.checked("ref", checks.branch),
            source_repository=head.perhaps_within("repo").perhaps_checked("full_name", checks.full_name)
            or "",
            fork=_is_fork(head, repository),
        ),
        commit=head.checked("sha", checks.commit),
        ref=f"refs/pull/{number}/head",
        branch=head.checked("ref", checks.branch),
        before=payload.perhaps_checked("before", checks.commit) or "",
        title=fields.perhaps("title"),
        author=_person(fields.perhaps_within("user")),
        closed=action == "closed",
    )
    return telling.proposal(repository, proposed, _delivery_id(headers))


def _is_fork(head: Payload, repository: ForgeRepository) -> bool:
    """By the repositories' ids. One that is gone is a stranger's."""
    return head.perhaps_within("repo").perhaps_number("id") != repository.native_id


def _pusher(payload: Payload, head: Payload) -> Author:
    author = head.perhaps_within("author")
    name = (
        author.perhaps("username")
        or author.perhaps("name")
        or payload.perhaps_within("pusher").perhaps("name")
    )
    return Author(name=name, id=payload.perhaps_within("sender").perhaps_number("id"))


def _person(fields: Payload) -> Author:
    return Author(name=fields.perhaps("login"), id=fields.perhaps_number("id"))


def _repository(fields: Payload) -> ForgeRepository:
    """The numeric id is who it is; names, addresses and branches are what it is called today."""
    native_id = str(fields.number("id"))
    name = fields.checked("full_name", checks.full_name)
    origin = fields.checked("html_url", checks.origin)
    clone_url = fields.checked("clone_url", checks.clone_address)
    if checks.origin(clone_url) != origin:
        raise Missing("repository.clone_url", "is not at the repository's own origin")
    return ForgeRepository(
        forge=NAME,
        origin=str(origin),
        native_id=native_id,
        name=name,
        clone_url=clone_url,
        default_branch=fields.perhaps_named("default_branch", checks.branch),
    )


def _delivery_id(headers: Headers) -> str:
    return checks.delivery_id(headers.get("x-github-delivery", ""))


GITHUB = Forge(
    name=NAME,
    title="GitHub",
    home="https://github.com",
    token_name="GITHUB_TOKEN",  # noqa: S106 - the name of a secret
    scope="repo:status",
    clone_user="x-access-token",
    recognise=recognise,
    signature_ok=signature_ok,
    repository=repository,
    read=read,
    statuses=StatusApi(base_of=api_of, request=status_request, answer=status_answer),
)
