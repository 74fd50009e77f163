"""A run as the engine sees it, and what can happen to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flowforge.model.claim import Outcome
from flowforge.model.pipeline_config import OnFailure
from flowforge.model.status import Cause, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The plan is made and its jobs are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """There will be no plan."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A runner took the job."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The job's newest attempt ended, or was given up as lost."""

    key: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """Nobody could take the job for as long as it may wait."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    reason: str


RunEvent = Planned | Rejected | Claimed | Finished | Unserved | CancelAsked


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsMet:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedFailed:
    need: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """Fail-fast: another job failed."""

    failed: str


JobEvent = Claimed | Finished | Unserved | CancelAsked | NeedsMet | NeedFailed | Abandoned


class Phase(StrEnum):
    """Where a job stands: `blocked` waits for its needs, `ready` for a runner."""

    BLOCKED = "blocked"
    READY = "ready"
    RUNNING = "running"
    STOPPING = "stopping"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    key: str
    needs: tuple[str, ...] = ()
    phase: Phase = Phase.BLOCKED
    attempt: int = 0
    status: Status = Status.PENDING
    cause: Cause | None = None
    reason: str = ""


class RunPhase(StrEnum):
    PREPARING = "preparing"
    ACTIVE = "active"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """`jobs` stand in plan order."""

    jobs: Mapping[str, JobState]
    phase: RunPhase = RunPhase.PREPARING
    on_failure: OnFailure = OnFailure.STOP
    status: Status = Status.PENDING
    cause: Cause | None = None
    reason: str = ""
