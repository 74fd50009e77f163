"""Dicts that can take a write back."""

from collections.abc import Hashable, Iterator
from enum import Enum, auto
from typing import Generic, TypeVar

from flowforge.errors import Bug, Conflict

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MISSING = object()


class Mode(Enum):
    IDLE = auto()
    READING = auto()
    WRITING = auto()


class Journal:
    """What the present write changed, oldest first, and whether one is under way at all."""

    def __init__(self) -> None:
        self._changes: list[tuple[dict[object, object], object, object]] = []
        self._mode = Mode.IDLE

    def begin(self, mode: Mode) -> None:
        if self._mode is not Mode.IDLE:
            raise Bug("a transaction inside a transaction")
        self._mode = mode

    def end(self) -> None:
        self._changes.clear()
        self._mode = Mode.IDLE

    def undo(self) -> None:
        while self._changes:
            rows, key, old = self._changes.pop()
            if old is _MISSING:
                rows.pop(key, None)
            else:
                rows[key] = old

    def expect_open(self) -> None:
        if self._mode is Mode.IDLE:
            raise Bug("a transaction was used after its function returned")

    def note(self, rows: dict[object, object], key: object) -> None:
        self.expect_open()
        if self._mode is not Mode.WRITING:
            raise Bug("a read tried to write")
        self._changes.append((rows, key, rows.get(key, _MISSING)))


class Table(Generic[K, V]):
    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        self._journal.expect_open()
        return self._rows.get(key)

    def __contains__(self, key: K) -> bool:
        self._journal.expect_open()
        return key in self._rows

    def __iter__(self) -> Iterator[V]:
        self._journal.expect_open()
        return iter(list(self._rows.values()))

    def put(self, key: K, value: V) -> None:
        self._journal.note(self._rows, key)  # type: ignore[arg-type]
        self._rows[key] = value

    def add(self, key: K, value: V) -> None:
        if key in self:
            raise Conflict(f"{key} exists already")
        self.put(key, value)

    def remove(self, key: K) -> bool:
        self._journal.note(self._rows, key)  # type: ignore[arg-type]
        return self._rows.pop(key, None) is not None
