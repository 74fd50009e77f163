"""What a runner is told to do: serialisable, complete, without secret values and without anything dialect-specific."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowforge.model.job_spec import Clone
from flowforge.model.secret_ref import SecretRef
from flowforge.model.source import Source
from flowforge.model.step_spec import Checkout, Script, When


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOrder:
    """A step with everything resolved: `index` counts from 0, `env` is complete but for secrets and the room's own names."""

    index: int
    name: str
    do: Script | Checkout
    when: When = When.ON_SUCCESS
    env: Mapping[str, str] = field(default_factory=dict)
    working_directory: str | None = None
    timeout: float | None = None
    silence_timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """All that an executor ever sees of a job."""

    key: str
    name: str
    steps: tuple[StepOrder, ...]
    image: str | None = None
    source: Source | None = None
    clone: Clone = Clone.BEFORE_STEPS
    secrets: tuple[SecretRef, ...] = ()
    timeout: float | None = None
