"""A job as a pipeline's author wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowforge.model.secret_ref import SecretRef
from flowforge.model.step_spec import StepSpec


class Clone(StrEnum):
    """Who brings the repository into the workspace."""

    BEFORE_STEPS = "before_steps"
    """The room does, before the first step: a job that names no checkout still finds its files."""
    BY_STEP = "by_step"
    """A checkout step of the job does, where and when it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """`key` is unique in its pipeline and what `needs` names; `image` is None where the dialect asks for no container.

    `timeout` is in seconds and bounds the whole job; None for the runner's own limit.
    """

    key: str
    name: str
    steps: tuple[StepSpec, ...]
    needs: tuple[str, ...] = ()
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    working_directory: str | None = None
    secrets: tuple[SecretRef, ...] = ()
    clone: Clone = Clone.BEFORE_STEPS
    timeout: float | None = None
