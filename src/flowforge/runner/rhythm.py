"""How often a runner asks and tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """In seconds: how long one claim waits, how long one renewal, and the pauses before an engine is probed again and
    before a renewal is repeated that only said again what is being done."""

    claim: float = 20.0
    renew: float = 15.0
    probe: float = 3.0
    pause: float = 1.0

    @classmethod
    def within(cls, lease: float) -> "Rhythm":
        """For a server that gives up what it has not heard of for `lease` seconds: three signs of life in each, even
        where one is late by a pause."""
        usual = cls()
        return cls(
            claim=min(usual.claim, lease / 4),
            renew=min(usual.renew, lease / 4),
            probe=usual.probe,
            pause=min(usual.pause, lease / 12),
        )
