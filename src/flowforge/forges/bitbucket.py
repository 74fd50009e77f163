"""Bitbucket Cloud: its webhooks (docs: Manage webhooks, Event payloads). A repository's address in a payload is that of its
page; the clone address follows from it."""

from datetime import datetime

from flowforge.forges import checks, telling
from flowforge.forges.bitbucket_status import api_of, status_answer, status_request
from flowforge.forges.forge import Forge, Headers, StatusApi
from flowforge.forges.payload import Payload
from flowforge.forges.reading import Reader, read_with, repository_in
from flowforge.forges.signature import prefixed
from flowforge.forges.telling import Author, Proposed, RefMoved
from flowforge.model.push import ForgeRepository, Happening, Ignored, Quiet, Reading, Several
from flowforge.model.trigger import PullRequest

NAME = "bitbucket"

_FOLDERS = {
    "branch": "refs/heads/",
    "named_branch": "refs/heads/",
    "tag": "refs/tags/",
    "annotated_tag": "refs/tags/",
}
_NOTHING = "0" * 40


def recognise(headers: Headers) -> bool:
    return "x-event-key" in headers


def signature_ok(secret: bytes, headers: Headers, body: bytes, now: datetime) -> bool:  # noqa: ARG001
    """SHA-256 in the header that GitHub used for SHA-1."""
    return prefixed(secret, headers.get("x-hub-signature", ""), body)


def read(headers: Headers, body: bytes) -> Reading:
    readers: dict[str, Reader] = {
        "repo:push": _push,
        "pullrequest:created": _pull_request,
        "pullrequest:updated": _pull_request,
        "pullrequest:fulfilled": _closed,
        "pullrequest:rejected": _closed,
    }
    event = headers.get("x-event-key", "")
    return read_with(readers.get(event), headers, body, Ignored(reason="unsupported event"))


def repository(body: bytes) -> ForgeRepository | None:
    return repository_in(body, "repository", _repository)


def _push(payload: Payload, headers: Headers) -> Reading:
    """One delivery for all refs of a push; each is a sending of its own to us."""
    repository, actor = _repository(payload.within("repository")), _person(payload.perhaps_within("actor"))
    delivery = _delivery_id(headers)
    changes = payload.within("push").each("changes")
    parts: list[Happening | Quiet] = []
    for index, change in enumerate(changes):
        name = f"{delivery}.{index}" if delivery and index else delivery
        parts.append(telling.push(repository, _moved(change, actor), name))
    if not parts:
        return Ignored(reason="the push changed nothing")
    return parts[0] if len(parts) == 1 else Several(parts=tuple(parts))


def _moved(change: Payload, actor: Author) -> RefMoved:
    there = change.within("new") if change.has("new") else change.within("old")
    target = there.within("target")
    commit = target.checked("hash", checks.commit)
    old = change.perhaps_within("old").perhaps_within("target").perhaps_checked("hash", checks.commit)
    return RefMoved(
        ref=_folder(there) + there.checked("name", checks.branch),
        before=old or _NOTHING,
        after=commit if change.has("new") else _NOTHING,
        message=target.raw("message"),
        title=target.perhaps("message"),
        author=actor,
        deleted=not change.has("new"),
    )


def _folder(there: Payload) -> str:
    return there.checked("type", _FOLDERS.get)


def _pull_request(payload: Payload, headers: Headers) -> Reading:
    """An update may have changed a title only; then it is the same thing once more, and starts nothing."""
    return _proposal(payload, headers, closed=False)


def _closed(payload: Payload, headers: Headers) -> Reading:
    return _proposal(payload, headers, closed=True)


def _proposal(payload: Payload, headers: Headers, *, closed: bool) -> Reading:
    repository = _repository(payload.within("repository"))
    fields = payload.within("pullrequest")
    source = fields.within("source")
    origin_of_code = source.perhaps_within("repository")
    branch = source.within("branch").checked("name", checks.branch)
    proposed = Proposed(
        request=PullRequest(
            number=fields.number("id"),
            target=fields.within("destination").within("branch").checked("name", checks.branch),
            source_repository=origin_of_code.perhaps_checked("full_name", checks.full_name) or "",
            fork=_id(origin_of_code.perhaps_checked("uuid", checks.uuid) or "") != repository.native_id,
        ),
        commit=source.within("commit").checked("hash", checks.short_commit),
        ref=f"refs/heads/{branch}",
        branch=branch,
        title=fields.perhaps("title"),
        author=_person(fields.perhaps_within("author")),
        closed=closed,
    )
    return telling.proposal(repository, proposed, _delivery_id(headers))


def _person(fields: Payload) -> Author:
    name = fields.perhaps("nickname") or fields.perhaps("display_name")
    return Author(name=name, id=fields.perhaps("account_id") or fields.perhaps("uuid"))


def _repository(fields: Payload) -> ForgeRepository:
    native_id = _id(fields.checked("uuid", checks.uuid))
    name = fields.checked("full_name", checks.full_name)
    origin = fields.within("links").within("html").checked("href", checks.origin)
    return ForgeRepository(
        forge=NAME,
        origin=str(origin),
        native_id=native_id,
        name=name,
        clone_url=f"{origin}/{name}.git",
        default_branch=fields.perhaps_within("mainbranch").perhaps_named("name", checks.branch),
    )


def _id(uuid: str) -> str:
    return uuid.strip("{}").lower()


def _delivery_id(headers: Headers) -> str:
    """The same for every attempt at a delivery."""
    return checks.delivery_id(headers.get("x-request-uuid", ""))


BITBUCKET = Forge(
    name=NAME,
    title="Bitbucket",
    home="https://bitbucket.org",
    token_name="BITBUCKET_TOKEN",  # noqa: S106 - the name of a secret
    scope="repository:write",
    clone_user="x-token-auth",
    clones_source=True,
    recognise=recognise,
    signature_ok=signature_ok,
    repository=repository,
    read=read,
    statuses=StatusApi(base_of=api_of, request=status_request, answer=status_answer),
)
