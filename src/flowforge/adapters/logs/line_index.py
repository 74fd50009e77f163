"""Where lines begin, remembered sparsely: the number of newlines up to the end of every full block of 64 KiB.

Blocks of equal size rather than entries every so many lines: offsets need not be kept, and finding a line costs the
scan of one block however short or long the lines are.
"""

import struct
from array import array
from bisect import bisect_left
from dataclasses import dataclass

BLOCK = 64 * 1024
ENTRY = 8
_INVERTED = 2**64 - 1
_NEWLINE = b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The newline sought is the `nth` (from 1) of the bytes from `start` to `end`."""

    start: int
    end: int
    nth: int


class LineIndex:
    """Of the bytes fed to it so far. `blocks` are the totals of the full blocks that are known already."""

    def __init__(self, blocks: "array[int] | None" = None) -> None:
        self.blocks = array("Q") if blocks is None else blocks
        self.bytes = len(self.blocks) * BLOCK
        self.newlines = self.blocks[-1] if self.blocks else 0
        self.lines = self.newlines

    def feed(self, data: bytes) -> None:
        if not data:
            return
        at = 0
        while at < len(data):
            until = min(at + BLOCK - self.bytes % BLOCK, len(data))
            self.newlines += data.count(_NEWLINE, at, until)
            self.bytes += until - at
            at = until
            if self.bytes % BLOCK == 0:
                self.blocks.append(self.newlines)
        self.lines = self.newlines + (not data.endswith(_NEWLINE))

    def place(self, newline: int) -> Place:
        """Where to look for a newline counted from 1, which must exist."""
        block = bisect_left(self.blocks, newline)
        before = self.blocks[block - 1] if block else 0
        start = block * BLOCK
        return Place(start=start, end=min(start + BLOCK, self.bytes), nth=newline - before)


def nth_newline(data: bytes, nth: int) -> int:
    """The offset behind the `nth` newline, by halving: at most twice the data is scanned, in some 16 steps."""
    low, high = 0, len(data)
    while high - low > 1:
        middle = (low + high) // 2
        left = data.count(_NEWLINE, low, middle)
        if nth <= left:
            high = middle
        else:
            nth -= left
            low = middle
    return high


def pack_blocks(blocks: "array[int]") -> bytes:
    """Inverted, because a machine that lost power leaves zeros, and zeros must not look like blocks without newlines."""
    return struct.pack(f"<{len(blocks)}Q", *(_INVERTED - total for total in blocks))


def parse_blocks(raw: bytes, most: int) -> "array[int]":
    """At most `most` entries, up to the first that cannot be true: what a crash tore is counted anew."""
    count = min(len(raw) // ENTRY, most)
    blocks = array("Q", (_INVERTED - entry for entry in struct.unpack_from(f"<{count}Q", raw)))
    before = 0
    for number, total in enumerate(blocks):
        if not before <= total <= before + BLOCK:
            return blocks[:number]
        before = total
    return blocks
