"""One attempt, from its claim to its report."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from flowforge.engine.mask import Masker
from flowforge.engine.outcome import outcome
from flowforge.errors import BadInput, FlowForgeError, LeaseLost, RoomGone
from flowforge.model.claim import Claim, Lease, Outcome, StepReport
from flowforge.model.exit import Exit
from flowforge.model.order import StepOrder
from flowforge.model.status import Cause, Status
from flowforge.ports import Executor, Room, RunnerLink, Spool
from flowforge.runner.checkpoint import Checkpoint, Section
from flowforge.runner.heartbeat import Why
from flowforge.runner.log_pipe import DEFAULT_LIMIT, LogPipe
from flowforge.tasks import plainly

log = structlog.get_logger()

WORTH_TELLING = 0.1
"""Seconds a step runs before it is reported as running, and those before it as ended: most end sooner, and what ends the
attempt then says it all."""


class Assignment:
    """`take_up`, then `carry_out`, once each. What it needs to go on after a kill is in the spool before it is needed."""

    def __init__(
        self, claim: Claim, link: RunnerLink, executor: Executor, spool: Spool, log_limit: int = DEFAULT_LIMIT
    ) -> None:
        self.lease: Lease = claim.lease
        self._claim = claim
        self._link = link
        self._executor = executor
        self._spool = spool
        self._log_limit = log_limit
        self._room: Room | None = None
        self._stopped: Why | None = None
        self._returning = False
        self._masker = Masker({})
        self._untold: list[StepReport] = []

    async def carry_out(self) -> None:
        """Raises `LeaseLost` where another attempt took over; the room is gone then. Cancelled, it leaves the room."""
        try:
            await self._through()
        except LeaseLost:
            self._spool.drop(self.lease.attempt)
            raise
        self._spool.drop(self.lease.attempt)

    async def stop(self, why: Why) -> None:
        """End the job, also one whose room is still being made."""
        self._stopped = why
        if self._room:
            await self._room.stop(why.value)

    def take_up(self) -> None:
        """A lease that is held and noted has a room, and secrets in it; any other never began."""
        key = self.lease.attempt
        self._returning = self.lease in self._spool.held() and bool(self._spool.noted(key))
        if not self._returning:
            self._spool.hold(self.lease, Checkpoint().text())

    async def _through(self) -> None:
        try:
            await self._in_room()
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001  whatever breaks one attempt must not take the others down
            await self._finish(_broken(error))

    async def _in_room(self) -> None:
        claim = self._claim
        async with self._executor.open(self.lease.attempt, claim.order) as room:
            self._room = room
            if self._stopped:
                await room.stop(self._stopped.value)
            if self._returning:
                self._mask(await room.resume())
            else:
                self._mask(claim.secrets)
                await room.begin(claim.secrets)
            ended = await self._run_steps(room)
            await self._finish(self._judged(ended))

    async def _finish(self, ended: Outcome) -> None:
        await self._link.finish(self.lease, self._hidden(ended), tuple(self._untold))

    def _judged(self, ended: Outcome) -> Outcome:
        """A job that was ended because nobody was heard did not fail, and nobody cancelled it."""
        if self._stopped is Why.UNHEARD and ended.status is Status.CANCELLED:
            return Outcome(status=Status.FAILURE, cause=Cause.LOST, reason=Why.UNHEARD.value)
        return ended

    def _mask(self, secrets: Mapping[str, str]) -> None:
        """One masker for all steps: one whose stream was ended is as good as new."""
        self._masker = Masker(secrets)
        if self._masker.unmaskable:
            log.warning(
                "secrets shorter than 6 characters are shown unmasked in the log",
                attempt=str(self.lease.attempt),
                names=self._masker.unmaskable,
            )

    def _hidden(self, outcome: Outcome) -> Outcome:
        return replace(outcome, reason=self._masker.hide(outcome.reason))

    async def _run_steps(self, room: Room) -> Outcome:
        checkpoint = Checkpoint.parse(self._spool.noted(self.lease.attempt))
        exits: list[tuple[str, Exit]] = []
        for place, step in enumerate(self._claim.order.watched):
            if place < checkpoint.step:
                section = checkpoint.sections[place]
                ended = await room.run(step, _Forgetful(section.raw), since=section.raw)
            else:
                ended, checkpoint = await self._watch(room, step, checkpoint)
            if not _forgiven(step, ended):
                exits.append((step.name, ended))
            self._untold.append(self._report(step, ended, checkpoint.sections[place]))
        return outcome(exits)

    @plainly
    async def _watch(self, room: Room, step: StepOrder, begun: Checkpoint) -> tuple[Exit, Checkpoint]:
        async with asyncio.TaskGroup() as tasks:
            pipe = LogPipe(self, self.lease, self._spool, self._masker, tasks, begun, self._log_limit)
            telling = tasks.create_task(self._tell(step, begun.start))
            ended = await room.run(step, pipe, since=begun.raw)
            telling.cancel()
            await pipe.finish()
        return ended, pipe.checkpoint

    async def _tell(self, step: StepOrder, log_start: int) -> None:
        """That a step in the background runs was never news."""
        await asyncio.sleep(WORTH_TELLING)
        running = StepReport(index=step.index, status=Status.RUNNING, log_start=log_start)
        await self._report_with(() if step.background else (running,))

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        """Whoever shows a log as it comes goes by the order: a step's end before the output of the next."""
        await self._report_with(())
        return await self._link.append_log(lease, offset, data)

    async def _report_with(self, more: Sequence[StepReport]) -> None:
        ended = tuple(self._untold)
        if ended or more:
            await self._link.report(self.lease, [*ended, *more])
            self._untold = [step for step in self._untold if step not in ended]

    def _report(self, step: StepOrder, ended: Exit, section: Section) -> StepReport:
        return StepReport(
            index=step.index,
            status=ended.status,
            cause=ended.cause,
            reason=self._masker.hide(ended.reason),
            exit_code=ended.code,
            started_at=ended.started_at,
            finished_at=ended.finished_at,
            log_start=section.start,
            log_end=section.end,
        )


def _forgiven(step: StepOrder, ended: Exit) -> bool:
    """How a background step ended by itself is shown and decides nothing; that it could not begin, or that the job was
    cut off while it ran, does."""
    return step.background and ended.cause in (None, Cause.EXIT, Cause.OOM)


class _Forgetful:
    """A sink for output that was stored in an earlier life."""

    def __init__(self, raw: int) -> None:
        self._raw = raw

    async def write(self, data: bytes) -> int:
        self._raw += len(data)
        return self._raw


def _broken(error: Exception) -> Outcome:
    if isinstance(error, BadInput):
        return Outcome(status=Status.FAILURE, cause=Cause.CONFIG, reason=error.message)
    if isinstance(error, RoomGone):
        return Outcome(status=Status.FAILURE, cause=Cause.LOST, reason=error.message)
    if isinstance(error, FlowForgeError):
        return Outcome(status=Status.FAILURE, cause=Cause.INFRASTRUCTURE, reason=error.message)
    log.error("an attempt broke", exc_info=error)
    return Outcome(
        status=Status.FAILURE,
        cause=Cause.INFRASTRUCTURE,
        reason="the runner met an unexpected error; its log says more",
    )
