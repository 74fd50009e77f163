"""One try at a job."""

from dataclasses import dataclass
from datetime import datetime

from flowforge.model.status import Cause, Status


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class AttemptKey:
    """Names an attempt everywhere: rows, containers, log files. `number` counts from 1."""

    run: int
    job: int
    number: int

    def __str__(self) -> str:
        return f"{self.run}.{self.job}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> "AttemptKey":
        """The reverse of `str`; raises ValueError on anything else."""
        run, job, number = (int(part) for part in text.split("."))
        return cls(run=run, job=job, number=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`token` fences: only the holder of the newest attempt's token may write. `beat` is the renewal counter
    that a lease is judged by."""

    key: AttemptKey
    runner_id: int
    token: str
    status: Status = Status.RUNNING
    cause: Cause | None = None
    reason: str = ""
    beat: int = 0
    log_size: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
