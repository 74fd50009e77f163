"""One attempt, from its claim to its report."""

import structlog

from flowforge.model.claim import Claim, Lease
from flowforge.ports import Executor, Room, RunnerLink, Spool

log = structlog.get_logger()


class Assignment:
    def __init__(self, claim: Claim, link: RunnerLink, executor: Executor, spool: Spool) -> None:
        self._claim = claim
        self._link = link
        self._executor = executor
        self._spool = spool
        self._room: Room | None = None
        self._stop_reason = ""

    @property
    def lease(self) -> Lease:
        return self._claim.lease
