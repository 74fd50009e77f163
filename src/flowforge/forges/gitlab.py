"""GitLab: its webhooks (docs: Webhooks, Webhook events). What GitHub calls a pull request is a merge request here."""

from datetime import datetime

from flowforge.forges import checks, telling
from flowforge.forges.forge import Forge, Headers, StatusApi
from flowforge.forges.gitlab_status import api_of, status_answer, status_request
from flowforge.forges.payload import Missing, Payload
from flowforge.forges.reading import Reader, read_with, repository_in
from flowforge.forges.signature import shared_text, timed
from flowforge.forges.telling import Author, Proposed, RefMoved
from flowforge.model.push import ForgeRepository, Ignored, Reading
from flowforge.model.trigger import PullRequest

NAME = "gitlab"

_TRIED = frozenset({"open", "reopen"})
_CLOSED = frozenset({"close", "merge"})


def recognise(headers: Headers) -> bool:
    return "x-gitlab-event" in headers


def signature_ok(secret: bytes, headers: Headers, body: bytes, now: datetime) -> bool:
    """The signed header where it is sent, alone: the token beside it must not rescue a wrong one."""
    if "webhook-signature" in headers:
        return timed(secret, headers, body, now)
    return shared_text(secret, headers.get("x-gitlab-token", ""))


def read(headers: Headers, body: bytes) -> Reading:
    readers: dict[str, Reader] = {
        "Push Hook": _push,
        "Tag Push Hook": _push,
        "Merge Request Hook": _merge_request,
        "System Hook": _system,
    }
    event = headers.get("x-gitlab-event", "")
    return read_with(readers.get(event), headers, body, Ignored(reason="unsupported event"))


def repository(body: bytes) -> ForgeRepository | None:
    return repository_in(body, "project", _project)


def _system(payload: Payload, headers: Headers) -> Reading:
    """Hooks of a whole GitLab bear one name and say in the body what they are."""
    kind = payload.raw("object_kind") or payload.raw("event_name")
    readers: dict[str, Reader] = {"push": _push, "tag_push": _push, "merge_request": _merge_request}
    reader = readers.get(kind)
    return reader(payload, headers) if reader else Ignored(reason="unsupported event")


def _push(payload: Payload, headers: Headers) -> Reading:
    """`checkout_sha` is the commit behind an annotated tag, whose own id is in `after`."""
    project = _project(payload.within("project"))
    after = payload.checked("after", checks.commit)
    commit = payload.perhaps_checked("checkout_sha", checks.commit) or after
    head = _commit(payload, commit)
    moved = RefMoved(
        ref=payload.checked("ref", checks.ref),
        before=payload.perhaps_checked("before", checks.commit) or "",
        after=after,
        commit=commit,
        message=head.raw("message") or payload.raw("message"),
        title=head.perhaps("message") or payload.perhaps("message"),
        author=Author(
            name=payload.perhaps("user_username") or payload.perhaps("user_name"),
            id=payload.perhaps_number("user_id"),
        ),
        skip=payload.perhaps_within("push_options").perhaps_within("ci").flag("skip"),
    )
    return telling.push(project, moved, _delivery_id(headers))


def _commit(payload: Payload, id: str) -> Payload:
    """Oldest first, and only the newest 20: the one that the ref points at now is among them where there are any."""
    listed = payload.perhaps_each("commits")
    return next((each for each in listed if each.raw("id") == id), Payload({}))


def _merge_request(payload: Payload, headers: Headers) -> Reading:
    fields = payload.within("object_attributes")
    action = fields.raw("action")
    changed = payload.perhaps_within("changes").has("target_branch") or fields.has("oldrev")
    if action not in _TRIED | _CLOSED and not (action == "update" and changed):
        return Ignored(reason="the merge request's code and target are the same")
    project = _project(payload.within("project"))
    number, last = fields.number("iid"), fields.within("last_commit")
    source = fields.perhaps_within("source").perhaps_checked("path_with_namespace", checks.nested_name)
    proposed = Proposed(
        request=PullRequest(
            number=number,
            target=fields.checked("target_branch", checks.branch),
            source_repository=source or "",
            fork=fields.perhaps_number("source_project_id") != project.native_id,
        ),
        commit=last.checked("id", checks.commit),
        ref=f"refs/merge-requests/{number}/head",
        branch=fields.checked("source_branch", checks.branch),
        before=fields.perhaps_checked("oldrev", checks.commit) or "",
        message=last.raw("message"),
        title=fields.perhaps("title"),
        author=_author(payload, fields),
        closed=action in _CLOSED,
    )
    return telling.proposal(project, proposed, _delivery_id(headers))


def _author(payload: Payload, fields: Payload) -> Author:
    """`user` is who acted; the author has only an id here, so the name is told where both are one."""
    user, author = payload.perhaps_within("user"), fields.perhaps_number("author_id")
    same = author in ("", user.perhaps_number("id"))
    return Author(name=user.perhaps("username") if same else "", id=author or user.perhaps_number("id"))


def _project(fields: Payload) -> ForgeRepository:
    native_id = str(fields.number("id"))
    name = fields.checked("path_with_namespace", checks.nested_name)
    origin = fields.checked("web_url", checks.origin)
    clone_url = fields.checked("git_http_url", checks.clone_address)
    if checks.origin(clone_url) != origin:
        raise Missing("project.git_http_url", "is not at the project's own origin")
    return ForgeRepository(
        forge=NAME,
        origin=str(origin),
        native_id=native_id,
        name=name,
        clone_url=clone_url,
        default_branch=fields.perhaps_named("default_branch", checks.branch),
    )


def _delivery_id(headers: Headers) -> str:
    """What stays the same when a delivery is repeated. A recursive hook shares the event's id with what caused it, so
    that one is no name for a sending."""
    return checks.delivery_id(headers.get("idempotency-key", "") or headers.get("webhook-id", ""))


GITLAB = Forge(
    name=NAME,
    title="GitLab",
    home="https://gitlab.com",
    token_name="GITLAB_TOKEN",  # noqa: S106 - the name of a secret
    scope="api",
    clone_user="oauth2",
    recognise=recognise,
    signature_ok=signature_ok,
    repository=repository,
    read=read,
    statuses=StatusApi(base_of=api_of, request=status_request, answer=status_answer),
)
