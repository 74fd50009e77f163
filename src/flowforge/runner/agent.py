"""The agent: claim, open a room, run the steps, report. It decides nothing."""

import asyncio
import secrets
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
    `scarce` says why there is no room for another job, or nothing.

    Killed at any moment and started again, it goes on with what it held: the rooms did not stop meanwhile.
    """

    link: RunnerLink
    executor: Executor
    spool: Spool
    slots: int
    tell: Callable[[str], Awaitable[None]]
    rhythm: Rhythm = field(default_factory=Rhythm)
    log_limit: int = DEFAULT_LIMIT
    scarce: Callable[[], str] = lambda: ""

    async def serve(self, draining: asyncio.Event | None = None) -> None:
        """Until cancelled; rooms are left running then. May be called again after it broke. Once `draining` is set no job
        is taken any more, and this returns when those that are held have ended."""
        await _Life(self, draining or asyncio.Event()).live()


class _Life:
    """From one start of the agent to its end: nothing of it outlasts that, so nothing of it can be lost for good."""

    def __init__(self, agent: Agent, draining: asyncio.Event) -> None:
        self._agent = agent
        self._draining = draining
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
            watching = [tasks.create_task(self._heartbeat.beat()), tasks.create_task(self._heartbeat.watch())]
            at_work = [tasks.create_task(self._resume(lease)) for lease in self._held]
            at_work.append(tasks.create_task(self._sweep()))
            taking = tasks.create_task(self._take_jobs(tasks))
            await self._draining.wait()
            taking.cancel()
            await asyncio.wait((taking, *at_work))
            await self._heartbeat.released()
            for task in watching:
                task.cancel()

    async def _take_jobs(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            await self._slots.acquire()
            claim = await self._next()
            # The answer was on its way for no longer than a try at a claim may take: the server beat for it then.
            self._heartbeat.hold(
                claim.lease, asyncio.get_running_loop().time() - 2 * self._agent.rhythm.claim
            )
            assignment = self._assignment(claim)
            # Noted before another token takes the place of this one: what was handed out is never forgotten.
            assignment.take_up()
            tasks.create_task(self._carry_out(claim.lease, assignment))

    async def _next(self) -> Claim:
        while True:
            await self._until_usable()
            await self._until_roomy()
            try:
                claim = await self._agent.link.claim(self._token(), self._agent.rhythm.claim)
            except LeaseLost:
                self._agent.spool.seek("")
                continue
            if claim:
                return claim

    def _token(self) -> str:
        """Of a claim whose answer never came, else a new one."""
        spool = self._agent.spool
        token = spool.sought()
        if not token or token in {lease.token for lease in spool.held()}:
            token = secrets.token_urlsafe(24)
            spool.seek(token)
        return token

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

    async def _until_roomy(self) -> None:
        """For new jobs only: what is held goes on, and what is swept makes room."""
        told = ""
        while why := self._agent.scarce():
            if not told:
                told = why
                log.warning("no job can be taken", reason=why)
                await self._tell(why)
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
        assignment = self._assignment(claim)
        assignment.take_up()
        await self._carry_out(claim.lease, assignment)

    def _assignment(self, claim: Claim) -> Assignment:
        agent = self._agent
        return Assignment(claim, agent.link, agent.executor, agent.spool, agent.log_limit)

    async def _carry_out(self, lease: Lease, assignment: Assignment) -> None:
        key = lease.attempt
        self._heartbeat.heed(key, assignment.stop)
        try:
            await assignment.carry_out()
        except LeaseLost:
            log.warning("attempt given up: it is not ours any more", attempt=str(key))
        except FlowForgeError:
            log.exception("attempt not reported", attempt=str(key))
        finally:
            self._release(lease)

    def _release(self, lease: Lease) -> None:
        self._heartbeat.release(lease.attempt)
        if self._surplus:
            self._surplus -= 1
        else:
            self._slots.release()
