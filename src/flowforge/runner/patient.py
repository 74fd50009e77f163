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
    the caller waits. What the server refuses is passed on at once."""

    def __init__(self, link: RunnerLink) -> None:
        self._link = link

    async def claim(self, wait: float) -> Claim | None:
        return await _until_answered("claim", lambda: self._link.claim(wait))

    async def resume(self, lease: Lease) -> Claim:
        return await _until_answered("resume", lambda: self._link.resume(lease))

    async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
        return await _until_answered("renew", lambda: self._link.renew(leases, wait))

    async def report(self, lease: Lease, steps: Sequence[StepReport]) -> None:
        await _until_answered("report", lambda: self._link.report(lease, steps))

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        return await _until_answered("append_log", lambda: self._link.append_log(lease, offset, data))

    async def finish(self, lease: Lease, outcome: Outcome) -> None:
        await _until_answered("finish", lambda: self._link.finish(lease, outcome))


async def _until_answered(call: str, ask: Callable[[], Awaitable[T]]) -> T:
    pause = FIRST_PAUSE
    while True:
        try:
            return await ask()
        except Upstream as error:
            log.warning(
                "server does not take a call, asking again", call=call, error=error.message, pause=pause
            )
            pause = max(pause, error.retry_after or 0.0)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
