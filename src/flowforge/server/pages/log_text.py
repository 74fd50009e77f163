"""Pieces of logs, small enough to show."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flowforge.model.attempt import AttemptKey
from flowforge.model.log import LogSize
from flowforge.ports import Logs
from flowforge.server.pages.ansi import line_html, plain_text

TAIL_BYTES = 16 * 1024
COUNTED_BYTES = 1024 * 1024
"""How far behind a tail its lines are counted, to number it."""

_ERROR = re.compile(
    r"(?<!\b0 )\b(?:\w*errors?|fatal|failed|failures?|\w*exception|traceback|panic)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`number` counts from 1; 0 where it is not known. `html` is safe to put into a page."""

    number: int
    html: str
    error: bool = False


async def read_bytes(logs: Logs, key: AttemptKey, start: int, end: int) -> bytes:
    """The caller bounds the range."""
    return b"".join([chunk async for chunk in logs.read(key, start, end)])


async def tail(
    logs: Logs, key: AttemptKey, size: LogSize, count: int, *, start: int = 0, end: int | None = None
) -> list[Line]:
    """The last lines of a section, or of the whole log."""
    end = size.bytes if end is None else min(end, size.bytes)
    begin = max(start, end - TAIL_BYTES)
    data = await read_bytes(logs, key, begin, end)
    if begin > start:
        data = data.partition(b"\n")[2] or data
    lines = split_lines(data)[-count:]
    behind = await _lines_behind(logs, key, end, size)
    last = 0 if behind is None else size.lines - behind
    return numbered(lines, max(0, last - len(lines) + 1) if last else 0)


async def _lines_behind(logs: Logs, key: AttemptKey, end: int, size: LogSize) -> int | None:
    if size.bytes - end > COUNTED_BYTES:
        return None
    return len(split_lines(await read_bytes(logs, key, end, size.bytes)))


def split_lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def numbered(lines: Iterable[bytes], first: int) -> list[Line]:
    """`first` is the first line's number; 0 for none."""
    return [
        Line(number=first + index if first else 0, html=line_html(raw), error=_is_error(raw))
        for index, raw in enumerate(lines)
    ]


def _is_error(raw: bytes) -> bool:
    return _ERROR.search(plain_text(raw[:400])) is not None


def without_marks(lines: Sequence[Line]) -> list[Line]:
    """Of a job that did not fail: a word that looks like an error is none."""
    return [Line(number=line.number, html=line.html) for line in lines]
