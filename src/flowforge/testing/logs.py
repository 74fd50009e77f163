"""Logs that live in memory."""

import asyncio
from collections.abc import AsyncIterator

from flowforge.errors import Conflict
from flowforge.model.attempt import AttemptKey
from flowforge.model.log import LogLines, LogSize

_CHUNK = 256 * 1024
_LOOK_AGAIN_SECONDS = 60.0


class MemoryLogs:
    def __init__(self) -> None:
        self._logs: dict[AttemptKey, _Log] = {}

    async def append(self, key: AttemptKey, offset: int, data: bytes) -> int:
        log = self._log(key)
        size = len(log.data)
        fresh = data[size - offset :] if offset <= size else b""
        if fresh and log.sealed:
            raise Conflict(f"log {key} is sealed")
        if fresh:
            log.data += fresh
            await log.tell()
        return len(log.data)

    async def size(self, key: AttemptKey) -> LogSize:
        log = self._logs.get(key, _Log())
        return LogSize(bytes=len(log.data), lines=len(log.lines()), sealed=log.sealed)

    async def read(self, key: AttemptKey, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        data = self._logs.get(key, _Log()).data
        stop = len(data) if end is None else min(end, len(data))
        for at in range(start, stop, _CHUNK):
            yield bytes(data[at : min(at + _CHUNK, stop)])

    async def lines(self, key: AttemptKey, first: int, count: int) -> LogLines:
        lines = self._logs.get(key, _Log()).lines()
        return LogLines(first=first, lines=tuple(lines[first : first + count]), total=len(lines))

    async def follow(self, key: AttemptKey, start: int = 0) -> AsyncIterator[bytes]:
        log, at = self._log(key), start
        while True:
            while at < len(log.data):
                chunk = bytes(log.data[at : at + _CHUNK])
                at += len(chunk)
                yield chunk
            if log.sealed:
                return
            await log.news(at)

    async def seal(self, key: AttemptKey) -> LogSize:
        log = self._log(key)
        log.sealed = True
        await log.tell()
        return await self.size(key)

    async def delete(self, run: int) -> None:
        for key in [key for key in self._logs if key.run == run]:
            log = self._logs.pop(key)
            log.sealed = True
            await log.tell()

    def _log(self, key: AttemptKey) -> "_Log":
        return self._logs.setdefault(key, _Log())


class _Log:
    def __init__(self) -> None:
        self.data = bytearray()
        self.sealed = False
        self._changed = asyncio.Condition()

    def lines(self) -> list[bytes]:
        lines = bytes(self.data).split(b"\n")
        return lines if lines[-1] else lines[:-1]

    async def tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def news(self, at: int) -> None:
        """Returns when there is more than `at`, the end, or after a while."""
        try:
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS), self._changed:
                await self._changed.wait_for(lambda: self.sealed or len(self.data) > at)
        except TimeoutError:
            return
