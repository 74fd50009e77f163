"""A run as the engine sees it, and what can happen to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flowforge.engine.retry import BUILT_IN, Failure
from flowforge.model.claim import Outcome
from flowforge.model.job_terms import NO_TERMS, JobTerms, RetryRule
from flowforge.model.pipeline_config import OnFailure
from flowforge.model.status import Cause, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The plan is made and its jobs are known. `held` says why a person must approve the run first; empty where nobody
    must."""

    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """There will be no plan."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Filters leave the whole run out."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A person let the held run go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetIn:
    """No other run of its group goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCame:
    """Nothing outside of its run holds the job back any more: no other job of its group, no pause after a breakdown."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A person opened the gate that the job is."""

    key: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A runner took the job: the one of that name."""

    key: str
    runner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The job's newest attempt ended, or was given up as lost. `exit_code` is that of the step that failed; `earlier`
    are the failures of the attempts before."""

    key: str
    outcome: Outcome
    exit_code: int | None = None
    earlier: tuple[Failure, ...] = ()

    @property
    def failure(self) -> Failure:
        return Failure(cause=self.outcome.cause, exit_code=self.exit_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """Nobody could take the job for as long as it may wait."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    reason: str


OneJobEvent = TurnCame | Opened | Claimed | Finished | Unserved
RunEvent = Planned | Rejected | LeftOut | Approved | LetIn | CancelAsked | OneJobEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The run has its plan: who is left out by a filter is so from here on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsMet:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedFailed:
    need: str
    status: Status
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """Fail-fast: another job failed."""

    failed: str


JobEvent = OneJobEvent | CancelAsked | Begun | NeedsMet | NeedFailed | Abandoned


class Phase(StrEnum):
    """Where a job stands: `blocked` waits for its needs, `gated` for a person, `queued` for its turn among jobs of its
    group or for the end of a pause, `ready` for a runner."""

    BLOCKED = "blocked"
    GATED = "gated"
    QUEUED = "queued"
    READY = "ready"
    RUNNING = "running"
    STOPPING = "stopping"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """`pause` are the seconds that a queued job waits before its next attempt. `built_in` are retry rules beyond those
    of its terms."""

    key: str
    needs: tuple[str, ...] = ()
    terms: JobTerms = NO_TERMS
    built_in: tuple[RetryRule, ...] = BUILT_IN
    pause: float = 0.0
    phase: Phase = Phase.BLOCKED
    attempt: int = 0
    status: Status = Status.PENDING
    cause: Cause | None = None
    reason: str = ""


class RunPhase(StrEnum):
    """`held` waits for a person's approval, `queued` for its turn among the runs of its group."""

    PREPARING = "preparing"
    HELD = "held"
    QUEUED = "queued"
    ACTIVE = "active"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """`jobs` stand in plan order. `begun` says that one of them was claimed."""

    jobs: Mapping[str, JobState]
    phase: RunPhase = RunPhase.PREPARING
    on_failure: OnFailure = OnFailure.STOP
    group: str = ""
    begun: bool = False
    status: Status = Status.PENDING
    cause: Cause | None = None
    reason: str = ""
