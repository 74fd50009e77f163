"""Signs of life for all that a runner holds, and the word to stop that comes back, or that its absence gives."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import Enum

import structlog

from flowforge.errors import FlowForgeError, NotServing, Upstream
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Lease, Renewal
from flowforge.ports import RunnerLink
from flowforge.runner.rhythm import Rhythm
from flowforge.tasks import plainly

log = structlog.get_logger()


class Why(Enum):
    """Why a job is told to stop; the value is the sentence."""

    CANCELLED = "the run was cancelled"
    SUPERSEDED = "superseded"
    UNHEARD = "its runner did not hear from the server for so long that the job may be another's by now"


Stop = Callable[[Why], Awaitable[None]]

YOUNG = 0.5
"""Seconds that a renewal under way gets to reach the server before a newly held lease begins it anew."""


class Heartbeat:
    """A lease is renewed from `hold` to `release`; `heed` says whom to tell once it is to end, as soon as it is known."""

    def __init__(self, link: RunnerLink, rhythm: Rhythm) -> None:
        self._link = link
        self._rhythm = rhythm
        self._leases: dict[AttemptKey, Lease] = {}
        self._stops: dict[AttemptKey, Stop] = {}
        self._told: dict[AttemptKey, Why] = {}
        self._felt: dict[AttemptKey, float] = {}
        self._unconfirmed: set[AttemptKey] = set()
        self._others = rhythm.others
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()

    def hold(self, lease: Lease, since: float | None = None) -> None:
        """`since` is when the server heard of it at the earliest, by the loop's clock; now unless given. So long ago a job
        would be given up soon: a first renewal that does not wait tells better."""
        self._leases[lease.attempt] = lease
        self._felt[lease.attempt] = _now() if since is None else since
        if since is not None and self._rhythm.deadman is not None:
            self._unconfirmed.add(lease.attempt)
        self._changed.set()

    def heed(self, key: AttemptKey, stop: Stop) -> None:
        self._stops[key] = stop
        self._told.pop(key, None)
        self._changed.set()

    def release(self, key: AttemptKey) -> None:
        for known in (self._leases, self._stops, self._told, self._felt):
            known.pop(key, None)
        self._unconfirmed.discard(key)
        self._changed.set()
        self._gone.set()

    async def released(self) -> None:
        """Until nothing is held any more."""
        while self._leases:
            self._gone.clear()
            await self._gone.wait()

    async def beat(self) -> None:
        """Until cancelled: one call under way for all that is held, begun anew when that changes."""
        while True:
            self._changed.clear()
            if not self._leases:
                await self._changed.wait()
                continue
            try:
                renewal = await self._renewal(tuple(self._leases.values()))
            except Upstream as error:
                await self._unheard(error)
                continue
            if not await self._pass_on(renewal) and renewal != Renewal():
                # The server goes on saying so until what it stopped has ended.
                await self._changed_within(self._rhythm.pause)

    async def watch(self) -> None:
        """Until cancelled: what the server may have given to another ends here. Silence counts, not the word of a machine
        that nobody serves there: who is not at work gives nothing away. With several servers that word is one address's."""
        limit = self._rhythm.deadman
        while limit is not None:
            await asyncio.sleep(min(self._rhythm.pause, limit / 10))
            silent = [key for key, felt in self._felt.items() if _now() - felt > limit]
            await self._tell(dict.fromkeys(silent, Why.UNHEARD))

    async def _unheard(self, error: Upstream) -> None:
        if isinstance(error, NotServing) and not self._others:
            self._feel(tuple(self._leases), _now())
        log.warning("a renewal was not answered, trying again", error=error.message)
        await asyncio.sleep(max(self._rhythm.pause, min(error.retry_after or 0, 2 * self._rhythm.pause)))

    @plainly
    async def _renewal(self, leases: tuple[Lease, ...]) -> Renewal:
        begun, wait = _now(), 0.0 if self._unconfirmed else self._rhythm.renew
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(self._link.renew(leases, wait))
            changed = tasks.create_task(self._changed.wait())
            await asyncio.wait((call, changed), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((call,), timeout=YOUNG)
            call.cancel()
            changed.cancel()
        if call.cancelled():
            return Renewal()
        self._feel(tuple(lease.attempt for lease in leases), begun)
        renewal = call.result()
        self._others = self._others if renewal.others is None else renewal.others
        return renewal

    def _feel(self, keys: tuple[AttemptKey, ...], at: float) -> None:
        self._felt.update({key: max(at, self._felt[key]) for key in keys if key in self._felt})
        self._unconfirmed.difference_update(keys)

    async def _changed_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _pass_on(self, renewal: Renewal) -> bool:
        """False where there was no news."""
        return await self._tell(
            dict.fromkeys(renewal.stop, Why.CANCELLED) | dict.fromkeys(renewal.lost, Why.SUPERSEDED)
        )

    async def _tell(self, reasons: dict[AttemptKey, Why]) -> bool:
        news = {key: why for key, why in reasons.items() if key in self._stops and key not in self._told}
        for key, why in news.items():
            self._told[key] = why
            await self._stop(key, why)
        return bool(news)

    async def _stop(self, key: AttemptKey, why: Why) -> None:
        """One room that cannot be stopped must not keep the others from being renewed."""
        try:
            await self._stops[key](why)
        except (FlowForgeError, OSError):
            log.exception("a room could not be told to stop", attempt=str(key))


def _now() -> float:
    return asyncio.get_running_loop().time()
