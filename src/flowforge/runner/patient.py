"""A link that waits for its server to come back."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

import structlog

from flowforge.errors import Upstream
from flowforge.model.claim import Claim, Lease, Outcome, Renewal, StepReport
from flowforge.ports import RunnerLink

T = TypeVar("T")

log = structlog.get_logger()

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 15.0


class PatientLink:
    """`RunnerLink` over another one: a server that is away or full is asked again until it answers, for as long as
    the caller waits. What the server refuses is passed on at once. A renewal is tried once: whoever renews must know how
    long nobody answered."""

    def __init__(self, link: RunnerLink, longest: float = LONGEST_PAUSE) -> None:
        """`longest` is how many seconds at most pass between two tries, whatever the other side wishes: less than a
        lease lives, for a server that comes back must hear of what is held."""
        self._link = link
        self._longest = longest

    async def claim(self, token: str, wait: float) -> Claim | None:
        return await self._until_answered("claim", lambda: self._link.claim(token, wait))

    async def resume(self, lease: Lease) -> Claim:
        return await self._until_answered("resume", lambda: self._link.resume(lease))

    async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
        return await self._link.renew(leases, wait)

    async def report(self, lease: Lease, steps: Sequence[StepReport]) -> None:
        await self._until_answered("report", lambda: self._link.report(lease, steps))

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        return await self._until_answered("append_log", lambda: self._link.append_log(lease, offset, data))

    async def finish(self, lease: Lease, outcome: Outcome, steps: Sequence[StepReport] = ()) -> None:
        await self._until_answered("finish", lambda: self._link.finish(lease, outcome, steps))

    async def _until_answered(self, call: str, ask: Callable[[], Awaitable[T]]) -> T:
        pause = min(FIRST_PAUSE, self._longest)
        while True:
            try:
                return await ask()
            except Upstream as error:
                pause = min(max(pause, error.retry_after or 0.0), self._longest)
                log.warning(
                    "server does not take a call, asking again", call=call, error=error.message, pause=pause
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._longest)
