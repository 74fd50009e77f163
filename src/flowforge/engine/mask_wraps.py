"""Secrets that go on over line breaks, as `base64`, `openssl`, `xxd -p` and `fold` print them.

A break may stand anywhere behind the first `HEAD` bytes of a pattern, and the next ones `NARROWEST` or more further.
With fewer bytes of it at its end a line is not held back: what follows them, the pattern's rest, is hidden by itself.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from flowforge.engine.mask_controls import Shadow, without_breaks
from flowforge.engine.mask_heads import Heads, grouped, heads

NARROWEST = 12
SHORTEST_WRAPPED = 2 * NARROWEST
HEAD = 3

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wraps:
    """Of patterns that may be wrapped: those that have given rest, and what can stand before a break inside of one."""

    by_rest: Mapping[bytes, frozenset[bytes]]
    joints: frozenset[bytes]
    heads: Heads

    def begun(self, text: bytes, floor: int) -> int:
        """The first place, not before `floor`, from which on the text could be the beginning of a wrapped pattern;
        the text's end where there is none. Text without a break is not looked at."""
        last = text.rfind(b"\n", floor)
        if last < 0 or text[floor:last].rstrip(b"\n")[-HEAD:] not in self.joints:
            return len(text)
        lines = without_breaks(text[floor:])
        for start in self.heads.places(lines.text, 0):
            inside = lines.places[bisect_right(lines.places, start) :]
            if inside and _allowed(start, inside):
                return floor + lines.start(start)
        return len(text)

    def spans(
        self, text: bytes, possible: Collection[bytes], counts: Callable[[Span], bool]
    ) -> Iterator[list[Span]]:
        """Where rests that are possible stand, and those of their patterns that have a break inside: the part on every
        line. Occurrences that overlap are given as one."""
        if not possible:
            return
        flat = text.replace(b"\n", b"")
        found = [rest for rest in possible if self._is_more(rest, text, flat)]
        if found:
            lines = without_breaks(text)
            for rest in found:
                counted = (span for span in self._occurrences(rest, lines) if counts(lines.span(*span)))
                for start, end in _joined(counted):
                    yield [*_parts(start, end, lines)]

    def _is_more(self, rest: bytes, text: bytes, flat: bytes) -> bool:
        """Whether the rest stands anywhere but in patterns that have no break inside."""
        seen = flat.count(rest)
        return seen > 0 and (
            _overlaps_itself(rest) or seen > sum(text.count(pattern) for pattern in self.by_rest[rest])
        )

    def _occurrences(self, rest: bytes, lines: Shadow) -> Iterator[Span]:
        """Places in the text without breaks."""
        at = lines.text.find(rest)
        while at >= 0:
            end = at + len(rest)
            whole = at - HEAD + 1
            if lines.text[max(0, whole) : end] in self.by_rest[rest] and _allowed(
                whole, _inside(whole, end, lines)
            ):
                yield whole, end
            if _allowed(at, _inside(at, end, lines)):
                yield at, end
            at = lines.text.find(rest, at + 1)


def wraps(patterns: Iterable[bytes]) -> Wraps:
    whole = [pattern for pattern in patterns if len(pattern) >= SHORTEST_WRAPPED and b"\n" not in pattern]
    by_rest = grouped((pattern[HEAD - 1 :], pattern) for pattern in whole)
    joints = (pattern[at : at + HEAD] for pattern in whole for at in range(len(pattern) - HEAD))
    return Wraps(by_rest=by_rest, joints=frozenset(joints), heads=heads(by_rest.keys() | whole))


def _allowed(start: int, breaks: list[int]) -> bool:
    return not breaks or (
        breaks[0] - start >= HEAD and all(after - before >= NARROWEST for before, after in pairwise(breaks))
    )


def _overlaps_itself(pattern: bytes) -> bool:
    return any(pattern.startswith(pattern[at:]) for at in range(1, len(pattern)))


def _inside(start: int, end: int, lines: Shadow) -> list[int]:
    return lines.places[bisect_right(lines.places, start) : bisect_left(lines.places, end)]


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Of spans in the order of their ends."""
    first = behind = 0
    for start, end in spans:
        if start >= behind > 0:
            yield first, behind
        first = start if start >= behind else min(first, start)
        behind = end
    if behind:
        yield first, behind


def _parts(start: int, end: int, lines: Shadow) -> Iterator[Span]:
    for first, behind in pairwise([start, *_inside(start, end, lines), end]):
        yield lines.span(first, behind)
