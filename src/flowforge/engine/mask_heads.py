"""The beginnings of patterns, by which a stream tells what it must not show yet."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

_HEAD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """`by_head` names the patterns that begin with given one, two or three bytes."""

    longest: int
    by_head: Mapping[bytes, tuple[bytes, ...]]

    def places(self, text: bytes, floor: int) -> Iterator[int]:
        """Those, not before `floor`, from which on the text could be the beginning of a pattern."""
        size = len(text)
        for place in range(max(floor, size - self.longest + 1), size):
            for pattern in self.by_head.get(text[place : place + _HEAD], ()):
                if len(pattern) > size - place and text.startswith(pattern[: size - place], place):
                    yield place
                    break


def heads(patterns: AbstractSet[bytes]) -> Heads:
    by_head = grouped((pattern[:size], pattern) for pattern in patterns for size in range(1, _HEAD + 1))
    return Heads(
        longest=max(map(len, patterns), default=0),
        by_head={head: tuple(sorted(group)) for head, group in by_head.items()},
    )


def grouped(pairs: Iterable[tuple[K, bytes]]) -> dict[K, frozenset[bytes]]:
    groups: dict[K, set[bytes]] = {}
    for key, pattern in pairs:
        groups.setdefault(key, set()).add(pattern)
    return {key: frozenset(group) for key, group in groups.items()}
