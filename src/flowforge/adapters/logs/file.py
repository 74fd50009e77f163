"""One attempt's log on disk, in one of four states told apart by names alone, so that each change is one rename:

    nothing → <job>.<attempt>.log → <job>.<attempt>.sealed.log → <job>.<attempt>.log.z
                (and .log.idx)        (and .log.idx)

Whatever a killed process leaves is one of these, or two of them of which the later is whole.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from flowforge.adapters.logs.line_index import LineIndex, nth_newline
from flowforge.adapters.logs.packed import PackedLog, write_packed
from flowforge.adapters.logs.plain import PlainLog
from flowforge.errors import Bug, Conflict
from flowforge.model.attempt import AttemptKey
from flowforge.model.log import LogLines, LogSize

SEALED_SUFFIX = ".sealed.log"
WORTH_PACKING = 64 * 1024
_EMPTY = LineIndex()


class LogFile:
    """Blocking, and safe to use from several threads: each call has the file to itself.

    Opens what it needs when it needs it; `close` lets go of the handles, and the next call opens them again.
    """

    def __init__(self, folder: Path, key: AttemptKey) -> None:
        self._key = key
        self._folder = folder / str(key.run)
        stem = f"{key.job}.{key.number}"
        self._open_path = self._folder / f"{stem}.log"
        self._index_path = self._folder / f"{stem}.log.idx"
        self._sealed_path = self._folder / f"{stem}{SEALED_SUFFIX}"
        self._packed_path = self._folder / f"{stem}.log.z"
        self._packing_path = self._folder / f"{stem}.log.z.new"
        self._lock = Lock()
        self._body: PlainLog | PackedLog | None = None
        self._sealed = False
        self._removed = False

    def append(self, offset: int, data: bytes) -> int:
        with self._lock:
            size = self._index().bytes
            fresh = data[size - offset :] if offset <= size else b""
            if not fresh:
                return size
            if self._sealed or self._removed:
                raise Conflict(f"log {self._key} is sealed")
            self._create().append(fresh)
            return size + len(fresh)

    def size(self) -> LogSize:
        with self._lock:
            return self._size()

    def read(self, start: int, end: int) -> bytes:
        with self._lock:
            self._load()
            return self._read(start, end)

    def tail(self, start: int, most: int) -> tuple[bytes, bool]:
        """Up to `most` bytes from `start` on, and whether nothing will ever come behind them."""
        with self._lock:
            size = self._index().bytes
            end = min(start + most, size)
            return self._read(start, end), self._removed or (self._sealed and end == size)

    def lines(self, first: int, count: int) -> LogLines:
        with self._lock:
            total = self._index().lines
            data = self._read(self._start_of(min(first, total)), self._start_of(min(first + count, total)))
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        return LogLines(first=first, lines=tuple(lines), total=total)

    def seal(self) -> LogSize:
        self._write_back()
        with self._lock:
            self._load()
            if not self._sealed and not self._removed:
                self._create().sync()
                self._open_path.rename(self._sealed_path)
                self._sealed = True
                _sync_folder(self._folder)
                _sync_folder(self._folder.parent)
            size = self._size()
            self._close()
            return size

    def pack(self, wanted: Callable[[], bool]) -> None:
        """Compress a sealed log that is worth it. Readers see the plain one until the compressed one is on disk."""
        with self._lock:
            index = self._index()
            plain = isinstance(self._body, PlainLog) and self._sealed
            if not plain or index.bytes < WORTH_PACKING:
                return
            out = self._packing_path.open("wb")
        try:
            with out:
                complete = write_packed(out, self.read, index, wanted)
                out.flush()
                os.fsync(out.fileno())
            if complete:
                self._replace_by_packed()
        finally:
            self._packing_path.unlink(missing_ok=True)

    @property
    def is_open(self) -> bool:
        """Whether there is anything to close, as far as can be told without waiting."""
        return self._body is not None or self._lock.locked()

    def close(self) -> None:
        with self._lock:
            self._close()

    def remove(self) -> None:
        """From now on an empty log that nothing can be added to. The files are the caller's to remove."""
        with self._lock:
            self._close()
            self._removed = True

    def _load(self) -> None:
        if self._body is not None or self._removed:
            return
        self._sealed = True
        if self._packed_path.exists():
            self._body = PackedLog(self._packed_path)
            for path in (self._sealed_path, self._index_path, self._packing_path):
                path.unlink(missing_ok=True)
        elif self._sealed_path.exists():
            self._body = PlainLog(self._sealed_path, self._index_path)
        else:
            self._sealed = False
            if self._open_path.exists():
                self._body = PlainLog(self._open_path, self._index_path)

    def _create(self) -> PlainLog:
        if self._body is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._body = PlainLog(self._open_path, self._index_path)
        if isinstance(self._body, PackedLog):
            raise Bug(f"log {self._key} is compressed and not sealed")
        return self._body

    def _index(self) -> LineIndex:
        self._load()
        return _EMPTY if self._body is None else self._body.index

    def _size(self) -> LogSize:
        index = self._index()
        return LogSize(bytes=index.bytes, lines=index.lines, sealed=self._sealed)

    def _read(self, start: int, end: int) -> bytes:
        return b"" if self._body is None else self._body.read(start, end)

    def _start_of(self, line: int) -> int:
        index = self._index()
        if line == 0:
            return 0
        if line > index.newlines:
            return index.bytes
        place = index.place(line)
        return place.start + nth_newline(self._read(place.start, place.end), place.nth)

    def _replace_by_packed(self) -> None:
        with self._lock:
            if not self._removed:
                self._packing_path.rename(self._packed_path)
                _sync_folder(self._folder)
                self._close()
                self._load()

    def _write_back(self) -> None:
        """Most of what `seal` syncs, without keeping readers waiting meanwhile."""
        with suppress(FileNotFoundError):
            handle = os.open(self._open_path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _close(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
