"""A pipeline's definition, the same value whatever dialect it was written in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowforge.model.inputs import InputSpec
from flowforge.model.job_spec import JobSpec
from flowforge.model.problem import Problem, Severity
from flowforge.model.schedule import Schedule, Upstream


class OnFailure(StrEnum):
    """What a failed job means for jobs that do not depend on it and have not begun."""

    STOP = "stop"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """Runs of one project with the same `group` go one after the other; with `cancel` a newer one ends the older ones
    that are not over."""

    group: str
    cancel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineConfig:
    """What a dialect's parser makes of a file, and all that planning needs of it. `env` is what the file sets for all
    jobs, `occasion` what the dialect tells them about their run. `skip` says why its filters leave out what it was read
    for."""

    name: str
    dialect: str
    path: str
    jobs: tuple[JobSpec, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    occasion: Mapping[str, str] = field(default_factory=dict)
    on_failure: OnFailure = OnFailure.STOP
    concurrency: Concurrency | None = None
    inputs: tuple[InputSpec, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    skip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """All problems of a file at once; `pipeline` is None exactly when one of them is an error."""

    pipeline: PipelineConfig | None
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity is Severity.ERROR)
