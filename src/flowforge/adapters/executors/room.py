"""A room whose steps a supervisor runs, in a container or on the host."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from flowforge.adapters.executors import exit_record, netstrings
from flowforge.adapters.executors.exit_record import ExitRecord, host_detail
from flowforge.adapters.executors.folder_watch import Changes
from flowforge.adapters.executors.log_tail import SEGMENT, LogTail
from flowforge.adapters.executors.placing import folder_below
from flowforge.adapters.executors.room_folder import RoomFolder, Tampered
from flowforge.adapters.executors.threads import Threads
from flowforge.errors import BadInput, SourceUnavailable
from flowforge.model.exit import Exit
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Checkout
from flowforge.ports import Sink, Sources

STOP_NOW = "!"
BEGINNING = 1.0
"""Seconds in which the engine is not asked what became of a supervisor that is still beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a supervisor is gone that left no exit record."""

    cause: Cause
    reason: str


Autopsy = Callable[[], Awaitable[Ending | None]]
"""Asked when the supervisor seems gone: what became of it, or None where it lives after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    data: bytes
    record: ExitRecord | None
    alive: bool
    begun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The host's view of a room."""

    order: JobOrder
    folder: RoomFolder
    workspace: Path


class SupervisedRoom:
    def __init__(
        self, place: Place, *, sources: Sources, changes: Changes, threads: Threads, autopsy: Autopsy
    ) -> None:
        self._place = place
        self._folder = place.folder
        self._sources = sources
        self._changes = changes
        self._threads = threads
        self._autopsy = autopsy
        self._ending: Ending | None = None
        self._cut_off = False
        self._tampered: Tampered | None = None
        self._waited_since = 0.0

    async def run(self, step: StepOrder, sink: Sink, *, since: int = 0) -> Exit:
        if self._cut_off:
            return Exit(status=Status.SKIPPED)
        tail = LogTail(self._folder, step.index, since)
        try:
            if isinstance(step.do, Checkout):
                await self._serve(step, step.do)
            return await self._follow(step, tail, sink)
        except Tampered as tampered:
            self._cut_off = True
            await self.stop(str(tampered))
            return Exit(status=Status.FAILURE, cause=Cause.INFRASTRUCTURE, reason=str(tampered))
        finally:
            tail.close()

    async def stop(self, reason: str) -> None:
        """A job that keeps it from being written is given up by whoever watches, and its room removed."""
        try:
            await self._threads.run(self._leave_word, reason)
        except Tampered as tampered:
            self._tampered = tampered
        self._changes.happened()

    def _leave_word(self, reason: str) -> None:
        if not self._folder.has("stop"):
            self._folder.write("stop", reason.lstrip(STOP_NOW).encode())

    async def _follow(self, step: StepOrder, tail: LogTail, sink: Sink) -> Exit:
        gone = False  # one more look after the last sign of life: what was written just before
        while True:
            if self._tampered is not None:
                raise self._tampered
            self._changes.clear()
            look = await self._threads.run(self._look, step.index, tail)
            if look.data:
                self._changes.found()
                safe = await sink.write(look.data)
                if safe >= SEGMENT:
                    await self._threads.run(tail.forget, safe)
            elif look.record:
                tail.check_end(look.record.size)
                return await self._exit(step, look.record)
            elif look.alive or self._may_yet_begin(look) or not await self._lost():
                await self._changes.wait()
            elif gone:
                return self._end()
            else:
                gone = True

    def _look(self, index: int, tail: LogTail) -> _Look:
        """In this order: what is there when the record is has been written before it, and so has a record when the
        supervisor is gone."""
        alive = self._folder.alive()
        record = self._folder.read(f"{index}.exit")
        data = tail.read()
        return _Look(
            data=data,
            record=exit_record.parse(record) if record else None,
            alive=alive,
            begun=alive or self._folder.begun(),
        )

    def _may_yet_begin(self, look: _Look) -> bool:
        """Between its start and its lock a supervisor cannot be told from one that is gone."""
        now = asyncio.get_running_loop().time()
        self._waited_since = self._waited_since or now
        return not look.begun and now - self._waited_since < BEGINNING

    async def _lost(self) -> bool:
        """No supervisor is left to write records."""
        if self._ending is None:
            self._ending = await self._autopsy()
        return self._ending is not None

    def _end(self) -> Exit:
        """The step that the supervisor's end cut off says why; those behind it never began."""
        if self._ending is None or self._cut_off:
            return Exit(status=Status.SKIPPED)
        self._cut_off = True
        return Exit(status=Status.FAILURE, cause=self._ending.cause, reason=self._ending.reason)

    async def _exit(self, step: StepOrder, record: ExitRecord) -> Exit:
        stop = await self._threads.run(self._folder.read, "stop") if record.cause == "stopped" else None
        reason = (stop or b"").decode("utf-8", "replace").lstrip(STOP_NOW)
        return exit_record.to_exit(record, step, self._place.order, reason)

    async def _serve(self, step: StepOrder, checkout: Checkout) -> None:
        """Carry out a step that is the host's, when its turn comes."""
        while not await self._threads.run(self._folder.has, f"{step.index}.ask"):
            if await self._threads.run(self._folder.has, f"{step.index}.exit"):
                return
            self._changes.clear()
            if not await self._threads.run(self._folder.alive) and await self._lost():
                return
            await self._changes.wait()
        if not await self._threads.run(self._folder.has, f"{step.index}.answer"):
            answer = await self._answer(checkout)
            await self._threads.run(self._folder.write, f"{step.index}.answer", netstrings.pack(answer))

    async def _answer(self, checkout: Checkout) -> list[tuple[str, str]]:
        source = self._place.order.source
        if source is None:
            reason = "there is nothing to check out: this run has no repository"
            return [("detail", host_detail(Cause.CONFIG, reason))]
        try:
            return [("status", "success"), ("text", await self._checkout(source, checkout) + "\n")]
        except SourceUnavailable as error:
            return [("detail", host_detail(Cause.INFRASTRUCTURE, error.message))]
        except BadInput as error:
            return [("detail", host_detail(Cause.CONFIG, error.message))]
        except OSError as error:
            reason = f"the run's files cannot be put into the workspace: {error}"
            return [("detail", host_detail(Cause.INFRASTRUCTURE, reason))]

    async def _checkout(self, source: Source, checkout: Checkout) -> str:
        with folder_below(self._place.workspace, checkout.path) as into:
            return await self._sources.place(source, into)
