"""What a pipeline may be given when somebody starts it, and what makes it start by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowforge.model.trigger import Trigger

InputValue = str | bool | int | float


class InputType(StrEnum):
    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    ENUM = "enum"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """`default` is None for one that must be given."""

    name: str
    type: InputType = InputType.STRING
    default: InputValue | None = None
    options: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a repository lives: the kind of forge, its page there, and its default branch. Empty where nobody knows."""

    forge: str = ""
    url: str = ""
    default_branch: str = ""


NO_HOME = Home()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a config is read for. Without a trigger it is read as such: every condition may hold, every filter may pass,
    and inputs have their defaults. `changed` are the paths that the trigger's commits touched, None where that is not
    known: then every path filter passes."""

    trigger: Trigger | None = None
    number: int = 0
    run_id: int = 0
    inputs: Mapping[str, InputValue] = field(default_factory=dict)
    changed: tuple[str, ...] | None = None
    home: Home = NO_HOME
    run_url: str = ""


NOTHING_GIVEN = Given()
