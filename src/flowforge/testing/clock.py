"""A clock that moves only when a test says so."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """Both hands stand still between calls of `tick` and `jump`."""

    def __init__(self, now: datetime = EPOCH, monotonic: float = 1_000.0) -> None:
        self._now = now
        self._monotonic = monotonic

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def tick(self, seconds: float) -> datetime:
        """Let time pass; answers the new wall clock."""
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)
        return self._now

    def jump(self, seconds: float) -> datetime:
        """Set the wall clock forward or back, as an administrator or NTP would; no time passes."""
        self._now += timedelta(seconds=seconds)
        return self._now
