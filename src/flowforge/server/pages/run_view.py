"""What the page of a run says, worked out from its rows and logs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flowforge.model.job_run import JobRun
from flowforge.model.run import Gate
from flowforge.model.status import Cause, Status
from flowforge.model.step_run import StepRun
from flowforge.ports import Logs
from flowforge.server.api.represent import duration
from flowforge.server.pages.log_text import Line, tail, without_marks
from flowforge.server.pages.timeline import timeline
from flowforge.server.pages.words import STATUS, number, spoken
from flowforge.services.browse import JobView, RunView

FAILURES_SHOWN = 3
PREVIEWS_SHOWN = 12
FAILURE_LINES = 15
PREVIEW_LINES = 8

_ORDER = {
    Status.FAILURE: 0,
    Status.RUNNING: 1,
    Status.WAITING: 2,
    Status.PENDING: 3,
    Status.CANCELLED: 4,
    Status.SKIPPED: 5,
    Status.UNKNOWN: 6,
    Status.SUCCESS: 7,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """`first_line` is the number of the first shown line, 0 where there is none."""

    job: JobRun
    title: str
    why: str
    lines: tuple[Line, ...]
    first_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlate:
    job: JobRun
    reason: str
    steps: tuple[StepRun, ...]
    seconds: float | None
    lines: tuple[Line, ...]
    log_lines: int
    has_log: bool
    open: bool


async def described(logs: Logs, view: RunView, now: datetime) -> dict[str, object]:
    jobs = view.jobs or ()
    run = view.run
    failed = [job for job in jobs if job.job.status is Status.FAILURE and not job.allowed_failure]
    ordered = sorted(jobs, key=lambda job: _ORDER[job.job.status])
    plates = [await _plate(logs, job, now, index < PREVIEWS_SHOWN) for index, job in enumerate(ordered)]
    return {
        "run": run,
        "reason": view.reason,
        "held": run.gate is Gate.APPROVAL and not run.status.terminal,
        "again": any(job.job.status in (Status.FAILURE, Status.CANCELLED) for job in jobs),
        "allowed": {job.job.id for job in jobs if job.allowed_failure},
        "project": view.project,
        "failures": [await _failure(logs, job) for job in failed[:FAILURES_SHOWN]],
        "more_failures": len(failed) - FAILURES_SHOWN,
        "plates": plates,
        "by_plan": [job.job for job in jobs],
        "ordered": [job.job for job in ordered],
        "counts": _counts([job.job for job in jobs]),
        "skipped": [job.job for job in jobs if job.job.cause is Cause.NEEDS],
        "left_out": [job.job for job in jobs if job.job.cause is Cause.FILTER],
        "seconds": _seconds(run.started_at, run.finished_at, now),
        "timeline": timeline([job.job for job in jobs], now),
        "seconds_of": lambda job: _seconds(job.started_at, job.finished_at, now),
    }


def _seconds(began: datetime | None, ended: datetime | None, now: datetime) -> float | None:
    return duration(began, ended or now)


def _counts(jobs: Sequence[JobRun]) -> str:
    counts = Counter(job.status for job in jobs)
    return ", ".join(f"{counts[status]} {STATUS[status].lower()}" for status in _ORDER if counts[status])


async def _failure(logs: Logs, view: JobView) -> Failure:
    job = view.job
    broken = next((step for step in view.steps if step.status is Status.FAILURE), None)
    lines: list[Line] = []
    if view.log is not None:
        size = await logs.size(view.log)
        start = broken.log_start if broken else 0
        end = broken.log_end if broken else None
        lines = await tail(logs, view.log, size, FAILURE_LINES, start=start, end=end)
    return Failure(
        job=job,
        title=f"{job.name} failed at “{broken.name}”" if broken else f"{job.name} failed",
        why=_why(view, broken),
        lines=tuple(lines),
        first_line=next((line.number for line in lines if line.error), lines[0].number if lines else 0),
    )


def _why(view: JobView, broken: StepRun | None) -> str:
    if broken is None:
        return view.job.reason
    seconds = duration(broken.started_at, broken.finished_at)
    what = (broken.cause or Cause.EXIT).value.replace("_", " ").capitalize()
    code = what if broken.exit_code is None else f"Exit code {broken.exit_code}"
    after = "" if seconds is None else f" after {spoken(seconds)}"
    place = f"step {number(broken.index + 1)} of {number(len(view.steps))}"
    more = "" if broken.cause is Cause.EXIT else broken.reason
    return f"{code}{after}, {place}. {more}".strip()


async def _plate(logs: Logs, view: JobView, now: datetime, preview: bool) -> JobPlate:  # noqa: FBT001
    job = view.job
    lines: list[Line] = []
    log_lines = 0
    if view.log is not None and preview:
        size = await logs.size(view.log)
        lines, log_lines = await tail(logs, view.log, size, PREVIEW_LINES), size.lines
    failed = job.status is Status.FAILURE
    return JobPlate(
        job=job,
        reason=view.reason,
        steps=view.steps,
        seconds=_seconds(job.started_at, job.finished_at, now),
        lines=tuple(lines if failed else without_marks(lines)),
        log_lines=log_lines,
        has_log=view.log is not None,
        open=failed or job.status is Status.RUNNING,
    )
