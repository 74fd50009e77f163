"""From a step's output to the server's log: masked, in order, never more than a little in memory."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from flowforge.engine.mask import Masker
from flowforge.errors import Upstream
from flowforge.model.claim import Lease
from flowforge.ports import Spool
from flowforge.runner.checkpoint import Checkpoint, Section

DEFAULT_LIMIT = 1_000_000_000
"""Bytes of one attempt's log that are kept."""

_APPEND = 256 * 1024
_UNSENT = 1024 * 1024
_NOTE_EVERY = 1024 * 1024
# A masker works at some 200 MB/s; other tasks of the loop get a turn after each such piece.
_MASK_AT_ONCE = 64 * 1024


class Log(Protocol):
    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        """As `RunnerLink.append_log`."""
        ...


class LogPipe:
    """Implements `Sink` for one step: the one that `checkpoint` says is under way. The room is asked for the step's
    bytes from `checkpoint.raw` on; `finish` ends the step and `checkpoint` is then where the next one begins.

    While one append is on its way the next bytes are taken in; the first ones of an idle pipe leave at once. An error of
    the link is raised by the next `write` or `finish`, and what `Spool` notes is enough to begin again from.
    """

    def __init__(
        self,
        log: Log,
        lease: Lease,
        spool: Spool,
        masker: Masker,
        tasks: asyncio.TaskGroup,
        checkpoint: Checkpoint,
        limit: int = DEFAULT_LIMIT,
    ) -> None:
        self.checkpoint = checkpoint
        self._limit = limit
        self._log = log
        self._lease = lease
        self._spool = spool
        self._masker = masker
        self._tasks = tasks
        self._raw = checkpoint.raw
        self._kept = _Kept(checkpoint.stored)
        self._marks: deque[tuple[int, int]] = deque()
        self._sending = False
        self._changed = asyncio.Event()
        self._failure: Exception | None = None

    async def write(self, data: bytes) -> int:
        for at in range(0, len(data), _MASK_AT_ONCE):
            piece = data[at : at + _MASK_AT_ONCE]
            self._take(self._masker.feed(piece), len(piece))
            await asyncio.sleep(0)
        await self._until(lambda: self._kept.unsent < _UNSENT)
        return self.checkpoint.raw

    async def finish(self) -> Section:
        """Everything of the step is at the server when this returns."""
        self._take(self._masker.flush(), 0)
        await self._until(lambda: self._kept.unsent == 0)
        self._note(self.checkpoint.finished(self._raw, self._kept.end))
        return self.checkpoint.sections[-1]

    def _take(self, shown: bytes, raw: int) -> None:
        self._raw += raw
        self._keep(shown)
        if self._masker.clean:
            self._mark(self._raw - self._masker.held)
        self._advance()
        self._start()

    def _mark(self, raw: int) -> None:
        """A new masker may begin here, once the server has what is shown so far. Marks need not be dense."""
        if len(self._marks) > 1 and raw - self._marks[-2][0] < _MASK_AT_ONCE:
            self._marks.pop()
        self._marks.append((raw, self._kept.end))

    def _start(self) -> None:
        if self._kept.unsent and not self._sending and self._failure is None:
            self._sending = True
            self._tasks.create_task(self._send())

    def _keep(self, shown: bytes) -> None:
        """Up to the limit, then the mark, then nothing: whether the mark is there shows in the size, so a restarted
        runner knows it too. The step goes on; its output is taken and not kept."""
        room = self._limit - self._kept.end
        if len(shown) <= room:
            self._kept.add(shown)
        elif room >= 0:
            self._kept.add(shown[:room] + cut_mark(self._limit))

    async def _until(self, enough: Callable[[], bool]) -> None:
        while self._failure is None and not enough():
            self._start()
            self._changed.clear()
            await self._changed.wait()
        if self._failure is not None:
            raise self._failure

    async def _send(self) -> None:
        """Never fails itself, so that the group it runs in goes on; whoever writes next is told."""
        try:
            while self._kept.unsent:
                offset, data = self._kept.next(_APPEND)
                self._kept.acknowledge(await self._log.append_log(self._lease, offset, data))
                self._advance()
                self._changed.set()
        except Exception as error:  # noqa: BLE001
            self._failure = error
        finally:
            self._sending = False
            self._changed.set()

    def _advance(self) -> None:
        """Past what is acknowledged, in steps that make notes cheap."""
        while len(self._marks) > 1 and self._marks[1][1] <= self._kept.sent:
            self._marks.popleft()
        if not self._marks or self._marks[0][1] > self._kept.sent:
            return
        now = self.checkpoint
        raw, stored = self._marks[0]
        if max(raw - now.raw, stored - now.stored) >= _NOTE_EVERY:
            self._note(Checkpoint(sections=now.sections, start=now.start, raw=raw, stored=stored))

    def _note(self, checkpoint: Checkpoint) -> None:
        self._spool.note(self._lease.attempt, checkpoint.text())
        self.checkpoint = checkpoint
        self._kept.forget(checkpoint.stored)


def cut_mark(limit: int) -> bytes:
    return f"\n[the log reached its limit of {limit} bytes and is cut here]\n".encode()


class _Kept:
    """Masked bytes from the last checkpoint on: those that a server may yet ask for again. `sent` and `end` are
    offsets in the log."""

    def __init__(self, start: int) -> None:
        self._bytes = bytearray()
        self._start = start
        self.sent = start
        self.end = start

    @property
    def unsent(self) -> int:
        return max(0, self.end - self.sent)

    def add(self, shown: bytes) -> None:
        self._bytes += shown
        self.end += len(shown)

    def next(self, most: int) -> tuple[int, bytes]:
        at = self.sent - self._start
        return self.sent, bytes(self._bytes[at : at + most])

    def acknowledge(self, size: int) -> None:
        """The server has so much. More than was ever sent means that an earlier life of ours sent it; less, that it
        lost the rest."""
        if size == self.sent:
            raise Upstream("the server took none of the log it was sent")
        if size < self._start:
            raise Upstream(
                f"the server has {size} bytes of a log of which it had acknowledged {self._start}", final=True
            )
        self.sent = size

    def forget(self, before: int) -> None:
        del self._bytes[: before - self._start]
        self._start = before
