"""One step of one attempt."""

from dataclasses import dataclass
from datetime import datetime

from flowforge.model.attempt import AttemptKey
from flowforge.model.status import Cause, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """`log_start` to `log_end` is the step's section of its attempt's log, in bytes."""

    attempt: AttemptKey
    index: int
    name: str
    status: Status = Status.PENDING
    cause: Cause | None = None
    reason: str = ""
    exit_code: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    log_start: int = 0
    log_end: int | None = None
