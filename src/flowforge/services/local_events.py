"""What a local run tells whoever watches it, in the order in which it becomes true."""

from dataclasses import dataclass

from flowforge.model.status import Cause, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted:
    """Once for each attempt."""

    job: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    job: str
    index: int
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutput:
    """The next bytes of a step, masked, cut anywhere."""

    job: str
    index: int
    step: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """Also for a step that was skipped."""

    job: str
    index: int
    step: str
    status: Status
    cause: Cause | None
    reason: str
    exit_code: int | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished:
    """Also for a job that never began."""

    job: str
    status: Status
    cause: Cause | None
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    name: str
    status: Status
    exit_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """`steps` is empty for a job that never began."""

    name: str
    status: Status
    cause: Cause | None
    reason: str
    seconds: float
    steps: tuple[StepResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The last event. `jobs` stand in plan order."""

    status: Status
    reason: str
    seconds: float
    jobs: tuple[JobResult, ...]


LocalEvent = JobStarted | StepStarted | StepOutput | StepFinished | JobFinished | RunFinished
