"""The time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall clock, UTC and aware: for people and rows, never for deadlines."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow: for deadlines and leases."""
        ...
