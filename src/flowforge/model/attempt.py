"""One try at a job."""

import re
from dataclasses import dataclass
from datetime import datetime

from flowforge.model.status import Cause, Status

LARGEST_PART = 2**63 - 1
"""What a database's row can be numbered."""
_NUMBER = "(0|[1-9][0-9]{0,18})"
_WRITTEN = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")


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
        match = _WRITTEN.fullmatch(text)
        run, job, number = (int(part) for part in match.groups()) if match else (-1, -1, -1)
        key = cls(run=run, job=job, number=number)
        if not key.possible:
            raise ValueError("an attempt is named run.job.number")
        return key

    @property
    def possible(self) -> bool:
        """Whether a database could have it."""
        return all(0 <= part <= LARGEST_PART for part in (self.run, self.job, self.number))


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
