"""A runner's link to a server that exists in memory."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

from flowforge.errors import LeaseLost
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Claim, Lease, Outcome, Renewal, StepReport
from flowforge.ports import Logs
from flowforge.testing.logs import MemoryLogs


class FakeLink:
    """Hands out what is put into `waiting`; what comes back is in `logs`, `reports`, `outcomes`. A job is refused to
    all but its newest lease, and to everyone once it is over; `stop` and `lost` are the next renewal's answer."""

    def __init__(self, logs: Logs | None = None) -> None:
        self.waiting: asyncio.Queue[Claim] = asyncio.Queue()
        self.claims: dict[AttemptKey, Claim] = {}
        self.logs: Logs = logs or MemoryLogs()
        self.reports: dict[AttemptKey, dict[int, StepReport]] = {}
        self.outcomes: dict[AttemptKey, Outcome] = {}
        self.stop: set[AttemptKey] = set()
        self.lost: set[AttemptKey] = set()

    async def claim(self, token: str, wait: float) -> Claim | None:
        before = next((claim for claim in self.claims.values() if claim.lease.token == token), None)
        if before is not None:
            self._check(before.lease)
            return before
        try:
            async with asyncio.timeout(wait):
                claim = await self.waiting.get()
        except TimeoutError:
            return None
        claim = replace(claim, lease=replace(claim.lease, token=token))
        self.claims[claim.lease.attempt] = claim
        return claim

    async def resume(self, lease: Lease) -> Claim:
        self._check(lease)
        return replace(self.claims[lease.attempt], secrets={})

    async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:  # noqa: ARG002  answers at once
        lost = {lease.attempt for lease in leases if not self._good(lease)}
        return Renewal(stop=frozenset(self.stop), lost=frozenset(self.lost | lost))

    async def report(self, lease: Lease, steps: Sequence[StepReport]) -> None:
        self._check(lease)
        self.reports.setdefault(lease.attempt, {}).update({step.index: step for step in steps})

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        self._check(lease)
        return await self.logs.append(lease.attempt, offset, data)

    async def finish(self, lease: Lease, outcome: Outcome, steps: Sequence[StepReport] = ()) -> None:
        if self.outcomes.get(lease.attempt) == outcome:
            return
        await self.report(lease, steps)
        self.outcomes[lease.attempt] = outcome
        await self.logs.seal(lease.attempt)

    def _good(self, lease: Lease) -> bool:
        known = self.claims.get(lease.attempt)
        newest = max((key.number for key in self.claims if key.job == lease.attempt.job), default=0)
        return (
            known is not None
            and known.lease == lease
            and lease.attempt.number == newest
            and lease.attempt not in self.lost
            and lease.attempt not in self.outcomes
        )

    def _check(self, lease: Lease) -> None:
        if not self._good(lease):
            raise LeaseLost(f"attempt {lease.attempt} is not yours any more")
