"""When each job of a run waited and ran."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flowforge.model.job_run import JobRun
from flowforge.server.pages.words import STATUS, short

WIDTH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Places are thousandths of the run's time."""

    job_id: int
    name: str
    status: str
    wait_from: int
    run_from: int
    width: int
    label: str
    took: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    lanes: tuple[Lane, ...]
    axis: tuple[str, ...]


def timeline(jobs: Sequence[JobRun], now: datetime) -> Timeline | None:
    """None where nothing began."""
    began = [job for job in jobs if job.started_at]
    starts = [job.ready_at or job.started_at for job in began]
    start = min((at for at in starts if at), default=None)
    if start is None:
        return None
    end = max(job.finished_at or now for job in began)
    seconds = max((end - start).total_seconds(), 1.0)
    axis = tuple(short(seconds * part / 4) if part else "0 s" for part in range(4))
    return Timeline(lanes=tuple(_lane(job, start, seconds, now) for job in began), axis=axis)


def _lane(job: JobRun, start: datetime, seconds: float, now: datetime) -> Lane:
    begun = job.started_at or start
    waited = job.ready_at or begun
    ran = max(0.0, ((job.finished_at or now) - begun).total_seconds())
    wait = max(0.0, (begun - waited).total_seconds())
    return Lane(
        job_id=job.id,
        name=job.name,
        status=job.status,
        wait_from=_place((waited - start).total_seconds(), seconds),
        run_from=_place((begun - start).total_seconds(), seconds),
        width=max(4, _place(ran, seconds)),
        label=f"{STATUS[job.status]}: waited {short(wait)}, ran {short(ran)}",
        took=short(ran),
    )


def _place(part: float, whole: float) -> int:
    return min(WIDTH, max(0, round(WIDTH * part / whole)))
