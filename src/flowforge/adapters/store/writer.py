"""The one thread that writes."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from threading import Thread
from typing import Any

import structlog

from flowforge.adapters.store.line import Entry, Line, Urgency
from flowforge.adapters.store.outcome import Done, Failed, Outcome, Work
from flowforge.adapters.store.recovery import Recovery
from flowforge.errors import Bug

log = structlog.get_logger()

Told = list[tuple[asyncio.Future[Any], Outcome]]


class Writer:
    """Takes everything that waits when it would otherwise idle, and never waits for more: under load batches grow by
    themselves, without it a write is alone."""

    def __init__(self, line: Line, recovery: Recovery) -> None:
        self._line = line
        self._recovery = recovery
        self._thread = Thread(target=self._live, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Work, urgency: Urgency) -> Any:
        loop = asyncio.get_running_loop()
        entry = Entry(work=work, loop=loop, future=loop.create_future())
        self._line.put(entry, urgency)
        return await entry.future

    def close(self) -> None:
        """Returns when all that was accepted is done."""
        self._line.close()
        self._thread.join()

    def _live(self) -> None:
        while taken := self._line.take():
            entries = [entry for entry in taken if not entry.future.cancelled()]
            if entries:
                _tell(zip(entries, self._outcomes([entry.work for entry in entries]), strict=True))

    def _outcomes(self, works: list[Work]) -> list[Outcome]:
        """The thread outlives whatever nobody foresaw: it costs those who shared the transaction, and no one else."""
        try:
            return self._recovery.carry_out(works)
        except Exception as error:
            log.exception("a batch of writes broke")
            bug = Bug(f"the database's writer broke on these writes: {type(error).__name__}")
            return [Failed(bug) for _ in works]


def _tell(ended: Iterable[tuple[Entry, Outcome]]) -> None:
    """One call for each event loop, not for each caller."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, Told] = defaultdict(list)
    for entry, outcome in ended:
        by_loop[entry.loop].append((entry.future, outcome))
    for loop, told in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            loop.call_soon_threadsafe(_resolve, told)


def _resolve(told: Told) -> None:
    for future, outcome in told:
        if future.done():
            continue
        if isinstance(outcome, Done):
            future.set_result(outcome.value)
        elif isinstance(outcome.error, StopIteration):
            future.set_exception(Bug("a function given to write raised StopIteration"))
        else:
            future.set_exception(outcome.error)
