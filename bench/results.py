"""Samples, what they are compared with, and whether they are good enough. No I/O."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Bound(Enum):
    AT_MOST = "≤"
    AT_LEAST = "≥"


@dataclass(frozen=True, slots=True)
class Target:
    """Of a row's ratio where it has one and `of_ratio` says so, else of its median."""

    bound: Bound
    value: float
    of_ratio: bool = False

    def met(self, value: float) -> bool:
        return value <= self.value if self.bound is Bound.AT_MOST else value >= self.value

    def __str__(self) -> str:
        return f"{'ratio ' if self.of_ratio else ''}{self.bound.value} {self.value:g}"


@dataclass(slots=True, eq=False)
class Row:
    """One thing that was measured, a sample a round. `floor` names the row it is divided by."""

    what: str
    unit: str
    floor: str = ""
    target: Target | None = None
    samples: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


@dataclass(slots=True)
class Results:
    """Rows in the order in which they were first seen; `notes` are sentences printed below the table."""

    rows: dict[str, Row] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def row(self, what: str, unit: str = "ms", *, floor: str = "", target: Target | None = None) -> Row:
        return self.rows.setdefault(what, Row(what, unit, floor, target))

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def ratio(self, row: Row) -> float | None:
        """Of samples taken in the same round, hence the median of quotients and not the quotient of medians."""
        floor = self.rows.get(row.floor)
        if floor is None:
            return None
        if len(floor.samples) != len(row.samples):
            return row.median / floor.median
        return statistics.median(mine / its for mine, its in zip(row.samples, floor.samples, strict=True))

    def verdict(self, row: Row) -> str:
        if row.target is None:
            return ""
        value = self.ratio(row) if row.target.of_ratio else row.median
        return "met" if value is not None and row.target.met(value) else "missed"

    @property
    def missed(self) -> list[str]:
        return [row.what for row in self.rows.values() if self.verdict(row) == "missed"]


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least this share of all does not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
