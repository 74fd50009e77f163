"""Logs as files in a folder: one an attempt, below a folder for each run."""

import asyncio
import errno
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import ParamSpec, Self, TypeVar

import structlog

from flowforge.adapters.logs.file import SEALED_SUFFIX, WORTH_PACKING
from flowforge.adapters.logs.shelf import OpenLog, Shelf
from flowforge.errors import NoRoom, Upstream
from flowforge.model.attempt import AttemptKey
from flowforge.model.log import LogLines, LogSize

CHUNK = 256 * 1024
_THREADS = 8
_OPEN_FILES = 128
_LOOK_AGAIN_SECONDS = 60.0
_FULL_SECONDS = 1.0
"""After which a runner asks again whether there is room."""

P = ParamSpec("P")
T = TypeVar("T")

logger = structlog.get_logger(__name__)


class FileLogs:
    """Implements `Logs`. The folder belongs to one process at a time.

    Appends are in the kernel's hands when they are acknowledged, and on the disk when `seal` returns. To be closed;
    as a context manager it also takes up the compressing that an earlier process did not finish.
    """

    def __init__(
        self, folder: Path, *, open_files: int = _OPEN_FILES, scarce: Callable[[], str] = lambda: ""
    ) -> None:
        """`scarce` says why no log may grow now, or nothing."""
        self._folder = folder
        self._scarce = scarce
        self._closing = Event()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="logs")
        self._packer = ThreadPoolExecutor(1, thread_name_prefix="logs-pack")
        self._shelf = Shelf(folder, open_files, self._let_go)

    async def __aenter__(self) -> Self:
        for key in await self._answer(self._threads.submit(_unpacked, self._folder)):
            self._pack_later(self._shelf.take(key))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def _let_go(self, log: OpenLog) -> None:
        if log.is_open:
            self._threads.submit(log.close)

    async def append(self, key: AttemptKey, offset: int, data: bytes) -> int:
        log = self._shelf.take(key)
        async with log.appending:
            return await self._change(log, self._append, log, offset, data)

    async def size(self, key: AttemptKey) -> LogSize:
        log = self._shelf.take(key)
        return await self._look(log, log.size)

    async def read(self, key: AttemptKey, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        log = self._shelf.take(key)
        size = (await self._look(log, log.size)).bytes
        stop = size if end is None else min(end, size)
        while start < stop:
            chunk = await self._look(log, log.read, start, min(stop, start + _chunk(start)))
            if not chunk:
                return
            yield chunk
            start += len(chunk)

    async def lines(self, key: AttemptKey, first: int, count: int) -> LogLines:
        log = self._shelf.take(key)
        return await self._look(log, log.lines, first, count)

    async def follow(self, key: AttemptKey, start: int = 0) -> AsyncIterator[bytes]:
        log = self._shelf.take(key)
        over = False
        while not over:
            changed = log.changed
            chunk, over = await self._look(log, log.tail, start, _chunk(start))
            if chunk:
                start += len(chunk)
                yield chunk
            elif not over:
                await _wait(changed)

    async def seal(self, key: AttemptKey) -> LogSize:
        log = self._shelf.take(key)
        async with log.appending:
            size = await self._change(log, log.seal)
        if size.bytes >= WORTH_PACKING:
            self._pack_later(log)
        return size

    async def delete(self, run: int) -> None:
        for log in self._shelf.forget(run):
            await self._change(log, log.remove)
        await self._answer(self._threads.submit(_remove_folder, self._folder / str(run)))

    async def close(self) -> None:
        """Waits for what was begun, but for compressing, which can be begun anew. Nothing may be called after it."""
        self._closing.set()
        self._shelf.clear()
        self._packer.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self._packer.shutdown)

    def _append(self, log: OpenLog, offset: int, data: bytes) -> int:
        if why := self._scarce():
            raise NoRoom(why, retry_after=_FULL_SECONDS)
        return log.append(offset, data)

    async def _look(self, log: OpenLog, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._shelf.touch(log)
        return await self._answer(self._threads.submit(work, *args, **kwargs))

    async def _change(self, log: OpenLog, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Followers hear of it also when the caller has gone meanwhile."""
        self._shelf.touch(log)
        done = self._threads.submit(work, *args, **kwargs)
        loop = asyncio.get_running_loop()
        done.add_done_callback(lambda _: loop.call_soon_threadsafe(log.tell))
        return await self._answer(done)

    async def _answer(self, done: Future[T]) -> T:
        try:
            return await asyncio.wrap_future(done)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoRoom(f"the log folder {self._folder} is full", retry_after=_FULL_SECONDS) from error
            raise Upstream(f"the log folder {self._folder} failed: {error.strerror}") from error

    def _pack_later(self, log: OpenLog) -> None:
        packed = self._packer.submit(log.pack, lambda: not self._closing.is_set())
        packed.add_done_callback(_report)


def _chunk(start: int) -> int:
    """Chunks end where compressed blocks do, so that none is unpacked twice."""
    return CHUNK - start % CHUNK


async def _wait(changed: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
            await changed.wait()


def _unpacked(folder: Path) -> list[AttemptKey]:
    """Sealed logs that are worth compressing and are not compressed."""
    found = []
    for path in folder.glob(f"*/*{SEALED_SUFFIX}"):
        with suppress(ValueError):
            key = AttemptKey.parse(f"{path.parent.name}.{path.name.removesuffix(SEALED_SUFFIX)}")
            if path.stat().st_size >= WORTH_PACKING:
                found.append(key)
    return found


def _remove_folder(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _report(packed: Future[None]) -> None:
    """A log that could not be compressed stays as it is; the next process tries again."""
    error = None if packed.cancelled() else packed.exception()
    if error is not None:
        logger.warning("could not compress a log", error=str(error))
