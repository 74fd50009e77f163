"""What a forge's webhook says happened, in our words."""

from dataclasses import dataclass

from flowforge.model.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeRepository:
    forge: str
    origin: str
    native_id: str
    name: str
    clone_url: str
    default_branch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that starts runs. `place` is where it happened (a branch, tag or pull request of one repository),
    `key` tells it from every other happening of its forge at that place."""

    repository: ForgeRepository
    trigger: Trigger
    event: str
    place: str
    key: str
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Something that starts nothing and yet changes its place, so that what came there before may come again: a deleted
    ref, a closed pull request, a commit that asks to be skipped."""

    repository: ForgeRepository
    reason: str
    event: str
    place: str
    key: str
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """A delivery that tells of more than one thing, in their order."""

    parts: tuple[Happening | Quiet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A genuine delivery that starts nothing and changes nothing, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A delivery that lacks what it must have: `field` names it."""

    reason: str
    field: str = ""


Reading = Happening | Quiet | Several | Ignored | Unreadable
