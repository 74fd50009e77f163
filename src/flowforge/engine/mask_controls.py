"""Text as a terminal shows it: without carriage returns and escape sequences, so that colour inside a secret
does not hide it."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

# ECMA-48 control sequences, operating system commands and the short escapes. Each has a bound, so that it is known
# after a few hundred bytes whether something is one, and none reaches over the start of another.
_CONTROLS = re.compile(
    rb"(\r|\x1b(?:\[[0-?]{0,32}[ -/]{0,4}[@-~]|\][^\x07\x1b\r]{0,256}(?:\x07|\x1b\\)|[ -/]{0,4}[0-Z\\^-~]))"
)
_BREAKS = re.compile(rb"(\n+)")
_CUT_OFF = re.compile(rb"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}|\][^\x07\x1b\r]{0,256}\x1b?|[ -/]{0,4})\Z")


def has_controls(data: bytes) -> bool:
    return b"\x1b" in data or b"\r" in data


def without_controls(data: bytes) -> bytes:
    return _CONTROLS.sub(b"", data)


@dataclass(frozen=True, slots=True)
class Shadow:
    """`text` is what is left of some bytes, up to `decided`, where a sequence begins that has no end yet.

    `_starts` and `_ends` are the sequences' places in the bytes, `places` those in `text`.
    """

    text: bytes
    decided: int
    places: list[int]
    _starts: list[int]
    _ends: list[int]

    def start(self, place: int) -> int:
        """Where in the bytes the character at this place of `text` stands."""
        before = bisect_right(self.places, place)
        return place if before == 0 else self._ends[before - 1] + place - self.places[before - 1]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the bytes this part of `text` stands, without the sequences around it."""
        return self.start(start), self.start(end - 1) + 1

    def place(self, position: int) -> int:
        """The place in `text` of the first character that stands at this position of the bytes or behind it."""
        before = bisect_right(self._starts, position)
        if before == 0:
            return position
        return self.places[before - 1] + max(0, position - self._ends[before - 1])

    def whole(self, position: int) -> int:
        """The start of the sequence around this position of the bytes; the position itself where there is none."""
        before = bisect_right(self._starts, position)
        return self._starts[before - 1] if before and position < self._ends[before - 1] else position


def shadow_of(data: bytes) -> Shadow:
    parts = _CONTROLS.split(data)
    cut_off = _CUT_OFF.search(parts[-1])
    return _shadow(parts, len(cut_off[0]) if cut_off else 0)


def without_breaks(data: bytes) -> Shadow:
    """Its `text` is one line, and line breaks are the sequences."""
    return _shadow(_BREAKS.split(data), 0)


def _shadow(parts: list[bytes], cut_off: int) -> Shadow:
    bounds = list(accumulate(map(len, parts)))
    texts = parts[::2]
    texts[-1] = texts[-1][: len(texts[-1]) - cut_off]
    return Shadow(
        text=b"".join(texts),
        decided=bounds[-1] - cut_off,
        places=list(accumulate(map(len, texts[:-1]))),
        _starts=bounds[0:-1:2],
        _ends=bounds[1::2],
    )
