"""Functions that wait for the writer, urgent ones first."""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from threading import Condition
from typing import Any

from flowforge.adapters.store.outcome import Work
from flowforge.errors import StoreUnavailable


class Urgency(IntEnum):
    URGENT = 0
    BULK = 1


@dataclass(frozen=True, slots=True)
class Entry:
    work: Work
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Line:
    """Bounded: one who finds it full is told so at once. `most` is what one commit may carry, so that an urgent
    function never waits for an endless batch."""

    def __init__(self, *, limit: int = 10_000, most: int = 256) -> None:
        self._limit = limit
        self._most = most
        self._waiting: tuple[deque[Entry], ...] = (deque(), deque())
        self._changed = Condition()
        self._closed = False

    def put(self, entry: Entry, urgency: Urgency) -> None:
        with self._changed:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            if self._length() >= self._limit:
                raise StoreUnavailable("too many writes wait for the database", retry_after=1.0)
            self._waiting[urgency].append(entry)
            self._changed.notify()

    def take(self) -> list[Entry]:
        """What waits, as soon as something does; nothing once the line is closed and empty."""
        with self._changed:
            while not self._length() and not self._closed:
                self._changed.wait()
            urgent, bulk = self._waiting
            taken = [urgent.popleft() for _ in range(min(len(urgent), self._most))]
            room = self._most - len(taken)
            return taken + [bulk.popleft() for _ in range(min(len(bulk), room))]

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _length(self) -> int:
        return len(self._waiting[Urgency.URGENT]) + len(self._waiting[Urgency.BULK])
