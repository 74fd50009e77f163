"""Finds many byte strings in a stream of text at the speed of a few C calls.

A pattern of at least 7 bytes covers, wherever it stands, a four-byte word that begins at a multiple of four. One set
intersection of a buffer's words with the patterns' words therefore tells which patterns can be there at all; only those
are searched for. Of a pattern that line breaks may divide, all words of its first and of its last 22 bytes are taken: 11 or
more of these 22 stay together where the breaks are no closer than that, and 11 cover a word at a multiple of eight.
Measured on build logs with 20 secrets (300 patterns): 195 MB/s, an alternation in `re` 4 MB/s.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from flowforge.engine.mask_heads import grouped

_WORD = 4
_LONGEST_STRIDE = 8
_DIVISIBLE = 22
_UNCOMMON = bytes(
    0 if chr(byte) in " etaoinsr-=_./0" else 1 if chr(byte).islower() or chr(byte).isdigit() else 2
    for byte in range(256)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needles:
    """Patterns made ready. `by_word` names those that a word at a multiple of `stride` speaks for, `always` those
    too short for that; `by_first` and `by_last` the divisible ones, for which two words must speak. `words` are all."""

    stride: int
    words: Mapping[int, None]
    by_word: Mapping[int, frozenset[bytes]]
    by_first: Mapping[int, frozenset[bytes]]
    by_last: Mapping[int, frozenset[bytes]]
    always: frozenset[bytes]

    def possible(self, text: bytes) -> tuple[frozenset[bytes], frozenset[bytes]]:
        """The patterns that can stand in this text, and the divisible ones that can, whole or divided."""
        if not self.words or len(text) < _WORD:
            return self.always, frozenset()
        words = memoryview(text)[: len(text) // _WORD * _WORD].cast("I")[:: self.stride // _WORD]
        seen = self.words.keys() & words
        return self.always | _named(self.by_word, seen), _named(self.by_first, seen) & _named(
            self.by_last, seen
        )


def needles(patterns: Iterable[bytes], *, divisible: Collection[bytes] = ()) -> Needles:
    """Of patterns that have at least one byte each, and divisible ones of at least 22."""
    every = frozenset(patterns)
    wordy = [pattern for pattern in every if len(pattern) >= 2 * _WORD - 1]
    shortest = min(map(len, wordy), default=_LONGEST_STRIDE)
    stride = min(_LONGEST_STRIDE, (shortest - _WORD + 1) // _WORD * _WORD)
    by_word = grouped((word, pattern) for pattern in wordy for word in _words_by_phase(pattern, stride))
    by_first = grouped((word, pattern) for pattern in divisible for word in _words(pattern[:_DIVISIBLE]))
    by_last = grouped((word, pattern) for pattern in divisible for word in _words(pattern[-_DIVISIBLE:]))
    return Needles(
        stride=stride,
        words=dict.fromkeys(by_word.keys() | by_first.keys() | by_last.keys()),
        by_word=by_word,
        by_first=by_first,
        by_last=by_last,
        always=every.difference(wordy),
    )


def _named(by_word: Mapping[int, frozenset[bytes]], seen: AbstractSet[int]) -> frozenset[bytes]:
    return frozenset().union(*(by_word[word] for word in by_word.keys() & seen))


def spans(patterns: Iterable[bytes], text: bytes) -> list[tuple[int, int]]:
    """Where patterns stand; occurrences of one pattern that overlap are one span."""
    return [span for pattern in patterns for span in _spans(pattern, text)]


def occurrences(patterns: Iterable[bytes], text: bytes) -> list[tuple[int, int]]:
    """Like `spans`, each occurrence by itself."""
    return [span for pattern in patterns for span in _occurrences(pattern, text)]


def _words_by_phase(pattern: bytes, stride: int) -> Iterator[int]:
    """One for each way the pattern can lie against the stride: the least common of those it has."""
    for phase in range(stride):
        choice = [pattern[at : at + _WORD] for at in range(phase, len(pattern) - _WORD + 1, stride)]
        yield _number(max(choice, key=lambda word: (sum(word.translate(_UNCOMMON)), len(set(word)))))


def _words(part: bytes) -> Iterator[int]:
    return (_number(part[at : at + _WORD]) for at in range(len(part) - _WORD + 1))


def _number(word: bytes) -> int:
    return memoryview(word).cast("I")[0]


def _spans(pattern: bytes, text: bytes) -> Iterator[tuple[int, int]]:
    """Occurrences of one pattern; those that overlap are one span, found by jumps as long as the pattern is."""
    size = len(pattern)
    start = text.find(pattern)
    while start >= 0:
        end = start + size
        further = text.rfind(pattern, start + 1, end + size - 1)
        while further >= 0:
            end = further + size
            further = text.rfind(pattern, further + 1, end + size - 1)
        yield start, end
        start = text.find(pattern, end)


def _occurrences(pattern: bytes, text: bytes) -> Iterator[tuple[int, int]]:
    start = text.find(pattern)
    while start >= 0:
        yield start, start + len(pattern)
        start = text.find(pattern, start + 1)
