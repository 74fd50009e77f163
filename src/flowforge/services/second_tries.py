"""What could not be done now and may be later: tried again, after a pause that grows, and not for ever."""

from collections.abc import Sequence
from dataclasses import dataclass, field

PAUSES = (5.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0)
"""Seconds before each further try: a forge that restarts is back by the last, and a person still looks."""


@dataclass(slots=True)
class SecondTries:
    """By id: how often each was put off, and until when on the monotonic clock. Known to this process alone: one that
    starts tries everything at once, and its patience begins anew."""

    _known: dict[int, tuple[int, float]] = field(default_factory=dict)

    def put_off(self, id: int, now: float) -> float | None:
        """Seconds until it is due again; None where it was tried often enough, which forgets it."""
        tries, _ = self._known.pop(id, (0, now))
        if tries >= len(PAUSES):
            return None
        self._known[id] = (tries + 1, now + PAUSES[tries])
        return PAUSES[tries]

    def due(self, ids: Sequence[int], now: float) -> list[int]:
        """Those of them whose pause is over. What is not named any more is forgotten."""
        self._known = {each: self._known[each] for each in ids if each in self._known}
        return [each for each in ids if each not in self._known or self._known[each][1] <= now]

    def next_in(self, now: float, most: float) -> float:
        """Seconds until one is due, `most` at most. One that is due by now is under way."""
        return min([most, *(at - now for _, at in self._known.values() if at > now)])
