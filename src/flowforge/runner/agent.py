"""The agent: claim, open a room, run the steps, report. It decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from flowforge.errors import FlowForgeError, LeaseLost
from flowforge.model.claim import Claim, Lease
from flowforge.ports import Executor, RunnerLink, Spool
from flowforge.runner.assignment import Assignment
from flowforge.runner.heartbeat import Heartbeat
from flowforge.runner.log_pipe import DEFAULT_LIMIT
from flowforge.runner.rhythm import Rhythm

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Agent:
    """One machine's work. `slots` jobs run side by side. `tell` hears why no job is taken, and "" when one would be.

    Killed at any moment and started again, it goes on with what it held: the rooms did not stop meanwhile.
    """

    link: RunnerLink
    executor: Executor
    spool: Spool
    slots: int
    tell: Callable[[str], Awaitable[None]]
    rhythm: Rhythm = field(default_factory=Rhythm)
    log_limit: int = DEFAULT_LIMIT

    async def serve(self) -> None:
        """Until cancelled; rooms are left running then. May be called again after it broke."""
        await _Life(self).live()


class _Life:
    """From one start of the agent to its end: nothing of it outlasts that, so nothing of it can be lost for good."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._held = agent.spool.held()
        # What is held goes on whatever is free; with fewer slots than before, the first to end make room for nobody.
        self._slots = asyncio.Semaphore(max(0, agent.slots - len(self._held)))
        self._surplus = max(0, len(self._held) - agent.slots)
        self._heartbeat = Heartbeat(agent.link, agent.rhythm)
        self._probing = asyncio.Lock()

    async def live(self) -> None:
        for lease in self._held:
            self._heartbeat.hold(lease)
        async with asyncio.TaskGroup() as tasks:
            # First of all: what is held must be heard of, however long probing and sweeping take.
            tasks.create_task(self._heartbeat.beat())
            for lease in self._held:
                tasks.create_task(self._resume(lease))
            tasks.create_task(self._sweep())
            while True:
                await self._slots.acquire()
                claim = await self._next()
                self._heartbeat.hold(claim.lease)
                tasks.create_task(self._carry_out(claim))

    async def _next(self) -> Claim:
        while True:
            await self._until_usable()
            claim = await self._agent.link.claim(self._agent.rhythm.claim)
            if claim:
                return claim

    async def _until_usable(self) -> None:
        async with self._probing:
            told = ""
            while not (probe := await self._agent.executor.probe()).usable:
                if probe.reason != told:
                    told = probe.reason
                    log.warning("no job can be taken", reason=told)
                    await self._tell(told)
                await asyncio.sleep(self._agent.rhythm.probe)
            if told:
                await self._tell("")

    async def _tell(self, note: str) -> None:
        """For people only: work does not wait for it."""
        try:
            await self._agent.tell(note)
        except FlowForgeError as error:
            log.warning("why no job is taken could not be told", error=error.message)

    async def _sweep(self) -> None:
        await self._until_usable()
        try:
            swept = await self._agent.executor.sweep([lease.attempt for lease in self._agent.spool.held()])
        except (FlowForgeError, OSError):
            log.exception("what an earlier life left is not wholly removed; the next start tries again")
            return
        for name in swept:
            log.info("swept", name=name)

    async def _resume(self, lease: Lease) -> None:
        await self._until_usable()
        try:
            claim = await self._agent.link.resume(lease)
        except LeaseLost:
            self._agent.spool.drop(lease.attempt)
            self._release(lease)
            await self._sweep()
            return
        log.info("attempt resumed", attempt=str(lease.attempt))
        await self._carry_out(claim)

    async def _carry_out(self, claim: Claim) -> None:
        agent = self._agent
        key = claim.lease.attempt
        assignment = Assignment(claim, agent.link, agent.executor, agent.spool, agent.log_limit)
        self._heartbeat.heed(key, assignment.stop)
        try:
            await assignment.carry_out()
        except LeaseLost:
            log.warning("attempt given up: it is not ours any more", attempt=str(key))
        except FlowForgeError:
            log.exception("attempt not reported", attempt=str(key))
        finally:
            self._release(claim.lease)

    def _release(self, lease: Lease) -> None:
        self._heartbeat.release(lease.attempt)
        if self._surplus:
            self._surplus -= 1
        else:
            self._slots.release()
