"""How often a runner asks and tells."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """In seconds: how long one claim waits, how long one renewal, and the pauses before an engine is probed again and
    before a renewal is repeated that only said again what is being done. `deadman` is how long a job goes on while the
    server keeps silent: it must have ended before the server may give it to another; None where both are one process.
    `others` says whether, for all that is known at the start, more servers may give it away."""

    claim: float = 20.0
    renew: float = 15.0
    probe: float = 3.0
    pause: float = 1.0
    deadman: float | None = None
    others: bool = False

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

    @classmethod
    def afar(cls, lease: float, grace: float) -> "Rhythm":
        """For a runner on another machine: renewals often enough that an outage of half a lease goes by unseen, and an end
        to every job that leaves `grace` seconds for it before the lease may be another's."""
        near = cls.within(lease)
        return replace(near, renew=min(near.renew, lease / 6), deadman=max(lease / 2, lease * 0.95 - grace))
