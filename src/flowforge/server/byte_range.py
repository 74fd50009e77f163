"""The Range header of one request (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"bytes\s*=\s*(?:([0-9]{1,18})-([0-9]+)?|-([0-9]+))\s*")
_LONGEST = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """`end` is exclusive."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """A sound range that names no byte of what is there."""


def byte_range(header: str, size: int) -> ByteRange | None:
    """None where everything is to be sent: no range, several at once, or one that cannot be read. Raises `Unsatisfiable`."""
    match = _RANGE.fullmatch(header)
    if match is None:
        return None
    first, last, suffix = (None if part is None else _bounded(part) for part in match.groups())
    if suffix is not None:
        found = ByteRange(start=max(0, size - suffix), end=size)
    elif first is None or (last is not None and last < first):
        return None
    else:
        found = ByteRange(start=first, end=size if last is None else min(size, last + 1))
    if found.start >= found.end:
        raise Unsatisfiable
    return found


def _bounded(digits: str) -> int:
    """Whatever lies behind the end of every log is the same to us, and Python refuses to read very long numbers."""
    return int(digits) if len(digits) <= _LONGEST else 10**_LONGEST
