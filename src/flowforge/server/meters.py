"""Counts of what passes the door, kept as plain numbers so that counting costs next to nothing."""

from collections import Counter
from dataclasses import dataclass, field

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""


@dataclass(slots=True)
class Timing:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        at = next((index for index, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))
        self.counts[at] += 1
        self.total += seconds


@dataclass(slots=True)
class Meters:
    """`seen` is the last event counted into `runs`, `jobs` and `log_bytes`; None before the first look."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    timings: dict[str, Timing] = field(default_factory=dict)
    webhooks: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    log_bytes: int = 0
    seen: int | None = None

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """`seconds` until the answer began."""
        self.requests[method, route, status] += 1
        timing = self.timings.get(route)
        if timing is None:
            timing = self.timings[route] = Timing()
        timing.add(seconds)
