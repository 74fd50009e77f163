"""The agent: claim, open a room, run the steps, report. It decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from flowforge.errors import FlowForgeError, LeaseLost
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Claim, Lease, Renewal
from flowforge.ports import Executor, RunnerLink, Spool
from flowforge.runner.assignment import Assignment

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """In seconds: how long one claim waits, how long one renewal, and the pauses before an engine is probed again and
    before a renewal that brought no news is followed by the next."""

    claim: float = 20.0
    renew: float = 15.0
    probe: float = 3.0
    pause: float = 1.0

    @classmethod
    def within(cls, lease: float) -> "Rhythm":
        """For a server that gives up what it has not heard of for `lease` seconds: three signs of life in each."""
        usual = cls()
        return cls(claim=min(usual.claim, lease / 3), renew=min(usual.renew, lease / 3), probe=usual.probe)


class Agent:
    """One machine's work. `slots` jobs run side by side. `tell` hears why no job is taken, and "" when one would be.

    Killed at any moment and started again, it goes on with what it held: the rooms did not stop meanwhile.
    """

    def __init__(
        self,
        link: RunnerLink,
        executor: Executor,
        spool: Spool,
        slots: int,
        tell: Callable[[str], Awaitable[None]],
        rhythm: Rhythm | None = None,
    ) -> None:
        self._link = link
        self._executor = executor
        self._spool = spool
        self._slots = asyncio.Semaphore(slots)
        self._tell = tell
        self._rhythm = rhythm or Rhythm()
        self._work: dict[AttemptKey, Assignment] = {}
        self._changed = asyncio.Event()

    async def serve(self) -> None:
        """Until cancelled; rooms are left running then."""
        async with asyncio.TaskGroup() as tasks:
            await self._until_usable()
            held = self._spool.held()
            for lease in held:
                tasks.create_task(self._resume(lease))
            await self._sweep(lease.attempt for lease in held)
            tasks.create_task(self._renew())
            while True:
                await self._slots.acquire()
                tasks.create_task(self._carry_out(await self._next()))

    async def _next(self) -> Claim:
        while True:
            await self._until_usable()
            claim = await self._link.claim(self._rhythm.claim)
            if claim:
                return claim

    async def _until_usable(self) -> None:
        told = ""
        while not (probe := await self._executor.probe()).usable:
            if probe.reason != told:
                told = probe.reason
                log.warning("no job can be taken", reason=told)
                await self._tell(told)
            await asyncio.sleep(self._rhythm.probe)
        if told:
            await self._tell("")

    async def _sweep(self, keep: Iterable[AttemptKey]) -> None:
        for name in await self._executor.sweep(frozenset(keep)):
            log.info("swept", name=name)

    async def _resume(self, lease: Lease) -> None:
        await self._slots.acquire()
        try:
            claim = await self._link.resume(lease)
        except LeaseLost:
            self._slots.release()
            self._spool.drop(lease.attempt)
            await self._sweep(held.attempt for held in self._spool.held())
            return
        log.info("attempt resumed", attempt=str(lease.attempt))
        await self._carry_out(claim)

    async def _carry_out(self, claim: Claim) -> None:
        key = claim.lease.attempt
        assignment = Assignment(claim, self._link, self._executor, self._spool)
        self._hold(key, assignment)
        try:
            await assignment.carry_out()
        except LeaseLost:
            log.warning("attempt given up: it is not ours any more", attempt=str(key))
        except FlowForgeError as error:
            log.exception("attempt not reported", attempt=str(key), error=error.message)
        finally:
            self._release(key)

    def _hold(self, key: AttemptKey, assignment: Assignment) -> None:
        self._work[key] = assignment
        self._changed.set()

    def _release(self, key: AttemptKey) -> None:
        del self._work[key]
        self._changed.set()
        self._slots.release()

    async def _renew(self) -> None:
        """Heartbeats: one call under way for all that is held now, begun anew when that changes."""
        while True:
            self._changed.clear()
            leases = [assignment.lease for assignment in self._work.values()]
            if not leases:
                await self._changed.wait()
            elif not await self._heed(await self._renewal(leases)):
                await self._changed_within(self._rhythm.pause)

    async def _renewal(self, leases: list[Lease]) -> Renewal:
        call = asyncio.ensure_future(self._link.renew(leases, self._rhythm.renew))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((call, changed), return_when=asyncio.FIRST_COMPLETED)
            return call.result() if call.done() else Renewal()
        finally:
            call.cancel()
            changed.cancel()

    async def _changed_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _heed(self, renewal: Renewal) -> bool:
        """False where there was no news: a server goes on saying so until what it stopped has ended."""
        news = [
            key
            for key in renewal.stop | renewal.lost
            if key in self._work and not self._work[key].is_stopping
        ]
        for key in news:
            await self._work[key].stop("the run was cancelled" if key in renewal.stop else "superseded")
        return bool(news)
