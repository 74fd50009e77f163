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
    """Something that starts runs. `key` tells it from every other happening of its forge."""

    repository: ForgeRepository
    trigger: Trigger
    event: str
    key: str
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A genuine delivery that starts nothing, and why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A delivery that lacks what it must have: `field` names it."""

    reason: str
    field: str = ""
