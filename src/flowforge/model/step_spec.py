"""A step as a pipeline's author wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class When(StrEnum):
    """On which outcome of the steps before it a step runs."""

    ON_SUCCESS = "on_success"
    ON_FAIL = "on_fail"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Shell text. `shell` is the argv the script's file is handed to; empty means the room's default:
    bash where the image has it, else its sh, with `set -eo pipefail` as far as that shell knows it."""

    text: str
    shell: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Place the run's commit at `path`, relative to the workspace."""

    path: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpec:
    """`timeout` bounds the step, `silence_timeout` the time without output; seconds, None for no bound. One in the
    `background` is not waited for, and ends with the job. One that ends with a failing exit code is run again up to
    `reruns` times, `rerun_pause` seconds later each."""

    name: str
    do: Script | Checkout
    when: When = When.ON_SUCCESS
    env: Mapping[str, str] = field(default_factory=dict)
    working_directory: str | None = None
    timeout: float | None = None
    silence_timeout: float | None = None
    background: bool = False
    reruns: int = 0
    rerun_pause: float = 0.0
