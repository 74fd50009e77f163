"""What starts a pipeline by itself, as its config says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flowforge.model.inputs import InputValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`cron` has five fields, read in the time zone `zone`. It counts only in the config of the default branch, and
    runs each of `branches` (empty: the default one)."""

    name: str
    cron: str
    zone: str = "UTC"
    branches: tuple[str, ...] = ()
    inputs: Mapping[str, InputValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Start when a run of another project (`owner/repo`, or of this one where empty) and pipeline (its name or path;
    empty: any) ends with one of `statuses`."""

    project: str = ""
    pipeline: str = ""
    branches: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ("success",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """When a pipeline's schedule is due next; by wall clock, for that is what its author meant."""

    pipeline_id: int
    project_id: int
    schedule: Schedule
    next_at: datetime
