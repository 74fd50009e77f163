"""A sealed log, compressed in blocks, so that a range costs the blocks it touches.

The file: blocks of 256 KiB of log, each a zlib stream of its own; the end offset of each block; the line index; a
trailer. zlib's fastest level keeps up with a log as it is written and is in the standard library.
"""

import errno
import os
import struct
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from flowforge.adapters.logs.line_index import ENTRY, LineIndex

PACKED_BLOCK = 256 * 1024
_LEVEL = 1
_MAGIC = b"FFLOG\x00\x00\x01"
_TRAILER = struct.Struct("<8sQQQQQ")
_CHECKSUM = struct.Struct("<I")


def write_packed(
    out: BinaryIO, read: Callable[[int, int], bytes], index: LineIndex, wanted: Callable[[], bool]
) -> bool:
    """`read` gives the log's bytes from one offset to another. False when it gave up as no longer `wanted`."""
    ends = array("Q")
    for start in range(0, index.bytes, PACKED_BLOCK):
        if not wanted():
            return False
        out.write(zlib.compress(read(start, min(start + PACKED_BLOCK, index.bytes)), _LEVEL))
        ends.append(out.tell())
    footer = _pack_values(ends) + _pack_values(index.blocks)
    footer += _TRAILER.pack(_MAGIC, index.bytes, index.newlines, index.lines, len(ends), len(index.blocks))
    out.write(footer + _CHECKSUM.pack(zlib.crc32(footer)))
    return True


def _pack_values(values: "array[int]") -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)


class PackedLog:
    """Holds one file handle until `close`. Raises OSError for a file that is damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handles = [os.open(path, os.O_RDONLY | os.O_CLOEXEC)]
        self._file = self._handles[0]
        self._ends, self.index = self._load_footer()

    def read(self, start: int, end: int) -> bytes:
        end = min(end, self.index.bytes)
        if start >= end:
            return b""
        first, last = start // PACKED_BLOCK, (end - 1) // PACKED_BLOCK
        data = b"".join(self._block(number) for number in range(first, last + 1))
        skipped = first * PACKED_BLOCK
        return data[start - skipped : end - skipped]

    def close(self) -> None:
        while self._handles:
            os.close(self._handles.pop())

    def __del__(self) -> None:
        if hasattr(self, "_handles"):
            self.close()

    def _block(self, number: int) -> bytes:
        start = self._ends[number - 1] if number else 0
        try:
            return zlib.decompress(os.pread(self._file, self._ends[number] - start, start))
        except zlib.error as error:
            raise self._damaged() from error

    def _load_footer(self) -> "tuple[array[int], LineIndex]":
        end = os.fstat(self._file).st_size - _TRAILER.size - _CHECKSUM.size
        trailer = os.pread(self._file, _TRAILER.size, max(end, 0))
        if end < 0 or not trailer.startswith(_MAGIC):
            raise self._damaged()
        _, size, newlines, lines, blocks, indexed = _TRAILER.unpack(trailer)
        start = end - (blocks + indexed) * ENTRY
        if start < 0:
            raise self._damaged()
        footer = os.pread(self._file, end - start, start)
        if os.pread(self._file, _CHECKSUM.size, end + _TRAILER.size) != _CHECKSUM.pack(
            zlib.crc32(footer + trailer)
        ):
            raise self._damaged()
        values = array("Q", struct.unpack(f"<{blocks + indexed}Q", footer))
        index = LineIndex(values[blocks:])
        index.bytes, index.newlines, index.lines = size, newlines, lines
        return values[:blocks], index

    def _damaged(self) -> OSError:
        return OSError(errno.EIO, "the compressed log is damaged", str(self._path))
