"""The last runs of a project as a row of marks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.server.api.represent import duration
from flowforge.server.pages.words import STATUS

WIDTH = 136.0
GAP = 1.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    kind: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    marks: tuple[Mark, ...]
    label: str


def trace(newest_first: Sequence[Run]) -> Trace:
    runs = newest_first[::-1]
    longest = max((duration(run.started_at, run.finished_at) or 0.0 for run in runs), default=0.0)
    step = WIDTH / max(len(runs), 8)
    marks = tuple(_mark(run, index * step + GAP / 2, step - GAP, longest) for index, run in enumerate(runs))
    counts = Counter(STATUS[run.status].lower() for run in runs)
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    return Trace(
        marks=marks, label=f"Last {len(runs)} runs: {said}" if len(runs) != 1 else f"One run: {said}"
    )


def _mark(run: Run, x: float, width: float, longest: float) -> Mark:
    share = (duration(run.started_at, run.finished_at) or 0.0) / longest if longest else 0.5
    match run.status:
        case Status.SUCCESS:
            height = 4 + 10 * share
            return _at("ok", x, 16 - height, width, height)
        case Status.FAILURE:
            return _at("bad", x, 17, width, 4 + 7 * share)
        case Status.CANCELLED | Status.SKIPPED | Status.UNKNOWN:
            return _at("off", x, 13, width, 2.4)
        case _:
            return _at("now", x + 0.3, 4, width - 0.6, 11)


def _at(kind: str, x: float, y: float, width: float, height: float) -> Mark:
    return Mark(kind=kind, x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.1f}", height=f"{height:.1f}")
