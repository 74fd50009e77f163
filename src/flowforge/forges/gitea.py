"""Gitea and Forgejo, which came of it: their webhooks (docs: Webhooks). They differ in the names of their headers."""

from collections.abc import Callable
from datetime import datetime

from flowforge.forges import checks, telling
from flowforge.forges.forge import Forge, Headers, StatusApi
from flowforge.forges.gitea_status import api_of, status_answer_of, status_request
from flowforge.forges.payload import Missing, Payload
from flowforge.forges.reading import Reader, read_with, repository_in
from flowforge.forges.signature import plain_hex, prefixed
from flowforge.forges.telling import Author, Proposed, RefMoved
from flowforge.model.push import ForgeRepository, Ignored, Reading
from flowforge.model.trigger import PullRequest

_TRIED = frozenset({"opened", "synchronized", "synchronize", "reopened"})


def is_gitea(headers: Headers) -> bool:
    """Forgejo sends Gitea's headers beside its own."""
    return "x-gitea-event" in headers and "x-forgejo-event" not in headers


def is_forgejo(headers: Headers) -> bool:
    return "x-forgejo-event" in headers


def signed_by(*names: str) -> Callable[[bytes, Headers, bytes, datetime], bool]:
    """The first of these headers that is there decides: a right one beside it does not rescue a wrong one."""

    def signature_ok(secret: bytes, headers: Headers, body: bytes, now: datetime) -> bool:  # noqa: ARG001
        name = next((name for name in names if name in headers), "")
        if not name:
            return prefixed(secret, headers.get("x-hub-signature-256", ""), body)
        return plain_hex(secret, headers[name], body)

    return signature_ok


def _reader(forge: str) -> Callable[[Headers, bytes], Reading]:
    def push(payload: Payload, headers: Headers) -> Reading:
        return _push(_repository(forge, payload.within("repository")), payload, headers)

    def pull_request(payload: Payload, headers: Headers) -> Reading:
        return _pull_request(forge, payload, headers)

    readers: dict[str, Reader] = {"push": push, "pull_request": pull_request}

    def read(headers: Headers, body: bytes) -> Reading:
        event = headers.get(f"x-{forge}-event", "")
        return read_with(readers.get(event), headers, body, Ignored(reason="unsupported event"))

    return read


def _push(repository: ForgeRepository, payload: Payload, headers: Headers) -> Reading:
    """A tag comes as `create` and as `push`; the second has all that is needed."""
    head = payload.perhaps_within("head_commit")
    moved = RefMoved(
        ref=payload.checked("ref", checks.ref),
        before=payload.perhaps_checked("before", checks.commit) or "",
        after=payload.checked("after", checks.commit),
        commit=head.perhaps_checked("id", checks.commit) or "",
        message=head.raw("message"),
        title=head.perhaps("message"),
        author=_person(payload.perhaps_within("pusher")),
    )
    return telling.push(repository, moved, _delivery_id(repository.forge, headers))


def _pull_request(forge: str, payload: Payload, headers: Headers) -> Reading:
    action = payload.text("action")
    moved = action == "edited" and payload.perhaps_within("changes").has("ref")
    if action not in _TRIED and action != "closed" and not moved:
        return Ignored(reason="the pull request's code and target are the same")
    repository = _repository(forge, payload.within("repository"))
    fields = payload.within("pull_request")
    head, number = fields.within("head"), fields.number("number")
    proposed = Proposed(
        request=PullRequest(
            number=number,
            target=fields.within("base").checked("ref", checks.branch),
            source_repository=head.perhaps_within("repo").perhaps_checked("full_name", checks.full_name)
            or "",
            fork=head.perhaps_within("repo").perhaps_number("id") != repository.native_id,
        ),
        commit=head.checked("sha", checks.commit),
        ref=f"refs/pull/{number}/head",
        branch=head.checked("ref", checks.branch),
        title=fields.perhaps("title"),
        author=_person(fields.perhaps_within("user")),
        closed=action == "closed",
    )
    return telling.proposal(repository, proposed, _delivery_id(forge, headers))


def _person(fields: Payload) -> Author:
    return Author(name=fields.perhaps("login") or fields.perhaps("username"), id=fields.perhaps_number("id"))


def _repository(forge: str, fields: Payload) -> ForgeRepository:
    native_id = str(fields.number("id"))
    name = fields.checked("full_name", checks.full_name)
    origin = fields.checked("html_url", checks.origin)
    clone_url = fields.checked("clone_url", checks.clone_address)
    if checks.origin(clone_url) != origin:
        raise Missing("repository.clone_url", "is not at the repository's own origin")
    return ForgeRepository(
        forge=forge,
        origin=str(origin),
        native_id=native_id,
        name=name,
        clone_url=clone_url,
        default_branch=fields.perhaps_named("default_branch", checks.branch),
    )


def _delivery_id(forge: str, headers: Headers) -> str:
    return checks.delivery_id(headers.get(f"x-{forge}-delivery", ""))


def _finder(forge: str) -> Callable[[bytes], ForgeRepository | None]:
    return lambda body: repository_in(body, "repository", lambda fields: _repository(forge, fields))


GITEA = Forge(
    name="gitea",
    title="Gitea",
    home="",
    token_name="GITEA_TOKEN",  # noqa: S106 - the name of a secret
    scope="write:repository",
    clone_user="token",
    recognise=is_gitea,
    signature_ok=signed_by("x-gitea-signature"),
    repository=_finder("gitea"),
    read=_reader("gitea"),
    statuses=StatusApi(base_of=api_of, request=status_request, answer=status_answer_of("Gitea")),
)

FORGEJO = Forge(
    name="forgejo",
    title="Forgejo",
    home="https://codeberg.org",
    token_name="FORGEJO_TOKEN",  # noqa: S106 - the name of a secret
    scope="write:repository",
    clone_user="token",
    recognise=is_forgejo,
    signature_ok=signed_by("x-forgejo-signature", "x-gitea-signature"),
    repository=_finder("forgejo"),
    read=_reader("forgejo"),
    statuses=StatusApi(base_of=api_of, request=status_request, answer=status_answer_of("Forgejo")),
)
