"""What forges tell, in the shape that all of them share, and what it means for us."""

from dataclasses import dataclass

from flowforge.forges.checks import asks_to_skip, is_nothing
from flowforge.model.push import ForgeRepository, Happening, Quiet
from flowforge.model.trigger import PullRequest, Trigger, TriggerEvent

DELETED = "the ref was deleted"
SKIPPED = "the commit's message asks to skip"
CLOSED = "the pull request was closed"

_QUIET_EVENTS = {DELETED: "deleted", SKIPPED: "skipped", CLOSED: "closed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """`name` is for people, `id` is the forge's own and what somebody's rights hang on."""

    name: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefMoved:
    """A branch or tag that points elsewhere now. An empty `before` is one that the forge did not tell; `commit` is told
    where `after` may be an annotated tag's own id; `skip` says that the forge told beside the message to start nothing."""

    ref: str
    before: str
    after: str
    commit: str = ""
    message: str = ""
    title: str = ""
    author: Author = Author()
    deleted: bool = False
    skip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A pull request whose code is to be tried, or one that is closed. `ref` is where its commit can be fetched."""

    request: PullRequest
    commit: str
    ref: str
    branch: str
    before: str = ""
    message: str = ""
    title: str = ""
    author: Author = Author()
    closed: bool = False


def push(repository: ForgeRepository, moved: RefMoved, delivery_id: str) -> Happening | Quiet:
    tag = moved.ref.startswith("refs/tags/")
    place = _place(repository, moved.ref)
    key = f"{place}\n{moved.before}\n{moved.after}"
    event = TriggerEvent.TAG if tag else TriggerEvent.PUSH
    reason = _nothing_to_run(moved)
    if reason:
        return _quiet(repository, reason, place, key, delivery_id)
    trigger = Trigger(
        event=event,
        repository=repository.name,
        commit=(moved.commit if tag else "") or moved.after,
        ref=moved.ref,
        branch="" if tag else moved.ref.removeprefix("refs/heads/"),
        title=moved.title,
        author=moved.author.name,
        author_id=moved.author.id,
        before="" if is_nothing(moved.before) else moved.before,
    )
    return Happening(
        repository=repository, trigger=trigger, event=event, place=place, key=key, delivery_id=delivery_id
    )


def proposal(repository: ForgeRepository, proposed: Proposed, delivery_id: str) -> Happening | Quiet:
    """One that comes back to where it was (closed and reopened, its target changed to and fro) is tried again."""
    event, request = TriggerEvent.PULL_REQUEST, proposed.request
    place = _place(repository, f"pull/{request.number}")
    state = "closed" if proposed.closed else "open"
    key = f"{place}\n{state}\n{request.target}\n{proposed.commit}"
    reason = CLOSED if proposed.closed else SKIPPED if asks_to_skip(proposed.message) else ""
    if reason:
        return _quiet(repository, reason, place, key, delivery_id)
    trigger = Trigger(
        event=event,
        repository=repository.name,
        commit=proposed.commit,
        ref=proposed.ref,
        branch=proposed.branch,
        title=proposed.title,
        author=proposed.author.name,
        author_id=proposed.author.id,
        before=proposed.before,
        pull_request=request,
    )
    return Happening(
        repository=repository, trigger=trigger, event=event, place=place, key=key, delivery_id=delivery_id
    )


def _nothing_to_run(moved: RefMoved) -> str:
    if moved.deleted or is_nothing(moved.after):
        return DELETED
    return SKIPPED if moved.skip or asks_to_skip(moved.message) else ""


def _place(repository: ForgeRepository, name: str) -> str:
    return f"{repository.forge}\n{repository.origin}\n{repository.native_id}\n{name}"


def _quiet(repository: ForgeRepository, reason: str, place: str, key: str, delivery_id: str) -> Quiet:
    return Quiet(
        repository=repository,
        reason=reason,
        event=_QUIET_EVENTS[reason],
        place=place,
        key=key,
        delivery_id=delivery_id,
    )
