"""A log as it grows: its bytes as they are, and its line index beside them."""

import os
from contextlib import suppress
from pathlib import Path

from flowforge.adapters.logs.line_index import BLOCK, ENTRY, LineIndex, pack_blocks, parse_blocks

_COUNTED_AT_ONCE = 1024 * 1024


class PlainLog:
    """Holds two file handles until `close`. Not for two threads at once."""

    def __init__(self, path: Path, index_path: Path) -> None:
        self._handles: list[int] = []
        self._file = self._open(path)
        self._index_file = self._open(index_path)
        self.index, self._saved = self._load_index()
        self._save_index()

    def append(self, data: bytes) -> None:
        """All of it or, when this raises, nothing."""
        size = self.index.bytes
        try:
            _write_all(self._file, data, size)
        except OSError:
            # Without this a part would stay that nobody was told of; a full disk cannot refuse to shrink a file.
            with suppress(OSError):
                os.ftruncate(self._file, size)
            raise
        known = len(self.index.blocks)
        self.index.feed(data)
        if len(self.index.blocks) > known:
            self._save_index()

    def read(self, start: int, end: int) -> bytes:
        return _read_all(self._file, start, min(end, self.index.bytes))

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        while self._handles:
            os.close(self._handles.pop())

    __del__ = close

    def _open(self, path: Path) -> int:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._handles.append(handle)
        return handle

    def _load_index(self) -> tuple[LineIndex, int]:
        """The index, and how many of its blocks are in its file."""
        size = os.fstat(self._file).st_size
        blocks = parse_blocks(_read_all(self._index_file, 0, size // BLOCK * ENTRY), size // BLOCK)
        saved = len(blocks)
        if saved * BLOCK == size:
            # Only the last bytes tell whether the last line is complete.
            del blocks[-1:]
        index = LineIndex(blocks)
        while index.bytes < size:
            index.feed(_read_all(self._file, index.bytes, min(index.bytes + _COUNTED_AT_ONCE, size)))
        return index, saved

    def _save_index(self) -> None:
        """The index can be counted anew from the log, so a disk too full for it is no reason to refuse a line."""
        fresh = pack_blocks(self.index.blocks[self._saved :])
        with suppress(OSError):
            _write_all(self._index_file, fresh, self._saved * ENTRY)
            self._saved = len(self.index.blocks)


def _write_all(file: int, data: bytes, offset: int) -> None:
    written = os.pwrite(file, data, offset)
    while written < len(data):
        written += os.pwrite(file, memoryview(data)[written:], offset + written)


def _read_all(file: int, start: int, end: int) -> bytes:
    """Shorter only where the file ends."""
    if start >= end:
        return b""
    data = os.pread(file, end - start, start)
    if not data or len(data) == end - start:
        return data
    return data + _read_all(file, start + len(data), end)
