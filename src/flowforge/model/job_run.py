"""One job of one run: ours or a foreign one's."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from flowforge.model.job_terms import NO_TERMS, JobTerms
from flowforge.model.order import JobOrder
from flowforge.model.status import Cause, Status


class Standing(NamedTuple):
    """Where a job stands, without what it is; `met` says that its needs are met."""

    status: Status
    ready: bool
    stopping: bool
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """`order` is None for a foreign job and where a list left it out; `image` is the order's.

    `ready` tells a pending job that may be claimed from one that waits for its needs.

    `attempt` is the number of the newest attempt, 0 before the first. `kept_from` is the job of an earlier run whose
    success, log and outputs this one stands for: a re-run that repeats only what failed.
    `stopping` is set when the running attempt was told to end.
    """

    id: int
    run_id: int
    key: str
    name: str
    needs: tuple[str, ...] = ()
    terms: JobTerms = NO_TERMS
    order: JobOrder | None = None
    image: str | None = None
    status: Status = Status.PENDING
    cause: Cause | None = None
    reason: str = ""
    ready: bool = False
    stopping: bool = False
    attempt: int = 0
    runner: str = ""
    kept_from: int | None = None
    created_at: datetime
    ready_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def standing(self) -> Standing:
        return Standing(self.status, self.ready, self.stopping, self.ready_at is not None)
