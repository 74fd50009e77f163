"""A clock for waiting."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flowforge.ports import Clock


@dataclass(slots=True)
class SteadyClock:
    """Implements `Clock`: the wall clock as long as that goes forward. After it was moved back, time goes on from the
    latest seen, so that what waits for an instant waits as long as it was meant to and not an hour more."""

    wall: Clock
    _latest: datetime | None = None
    _looked: float = field(default=0.0)

    def now(self) -> datetime:
        shown, monotonic = self.wall.now(), self.wall.monotonic()
        if self._latest is not None:
            shown = max(shown, self._latest + timedelta(seconds=monotonic - self._looked))
        self._latest, self._looked = shown, monotonic
        return shown

    def monotonic(self) -> float:
        return self.wall.monotonic()
