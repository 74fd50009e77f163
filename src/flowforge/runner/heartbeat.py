"""Signs of life for all that a runner holds, and the word to stop that comes back."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from flowforge.errors import FlowForgeError
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Lease, Renewal
from flowforge.ports import RunnerLink
from flowforge.runner.rhythm import Rhythm

log = structlog.get_logger()

Stop = Callable[[str], Awaitable[None]]

YOUNG = 0.5
"""Seconds that a renewal under way gets to reach the server before a newly held lease begins it anew."""


class Heartbeat:
    """A lease is renewed from `hold` to `release`; `heed` says whom to tell once it is to end, as soon as it is known."""

    def __init__(self, link: RunnerLink, rhythm: Rhythm) -> None:
        self._link = link
        self._rhythm = rhythm
        self._leases: dict[AttemptKey, Lease] = {}
        self._stops: dict[AttemptKey, Stop] = {}
        self._told: dict[AttemptKey, str] = {}
        self._changed = asyncio.Event()

    def hold(self, lease: Lease) -> None:
        self._leases[lease.attempt] = lease
        self._changed.set()

    def heed(self, key: AttemptKey, stop: Stop) -> None:
        self._stops[key] = stop
        self._told.pop(key, None)
        self._changed.set()

    def release(self, key: AttemptKey) -> None:
        for known in (self._leases, self._stops, self._told):
            known.pop(key, None)
        self._changed.set()

    async def beat(self) -> None:
        """Until cancelled: one call under way for all that is held, begun anew when that changes."""
        while True:
            self._changed.clear()
            if not self._leases:
                await self._changed.wait()
                continue
            renewal = await self._renewal(tuple(self._leases.values()))
            if not await self._pass_on(renewal) and renewal != Renewal():
                # The server goes on saying so until what it stopped has ended.
                await self._changed_within(self._rhythm.pause)

    async def _renewal(self, leases: tuple[Lease, ...]) -> Renewal:
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(self._link.renew(leases, self._rhythm.renew))
            changed = tasks.create_task(self._changed.wait())
            await asyncio.wait((call, changed), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((call,), timeout=YOUNG)
            call.cancel()
            changed.cancel()
        return Renewal() if call.cancelled() else call.result()

    async def _changed_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _pass_on(self, renewal: Renewal) -> bool:
        """False where there was no news."""
        reasons = dict.fromkeys(renewal.stop, "the run was cancelled") | dict.fromkeys(
            renewal.lost, "superseded"
        )
        news = {key: why for key, why in reasons.items() if key in self._stops and key not in self._told}
        for key, why in news.items():
            self._told[key] = why
            await self._stop(key, why)
        return bool(news)

    async def _stop(self, key: AttemptKey, why: str) -> None:
        """One room that cannot be stopped must not keep the others from being renewed."""
        try:
            await self._stops[key](why)
        except (FlowForgeError, OSError):
            log.exception("a room could not be told to stop", attempt=str(key))
