"""Whose turn it is among runs of one group, and among jobs of one group."""

from collections.abc import Sequence
from datetime import datetime

from flowforge.model.job_run import JobRun
from flowforge.model.run import Gate, Run
from flowforge.model.status import Status


def next_run(line: Sequence[Run]) -> Run | None:
    """The oldest that stands in line, once none goes on."""
    if any(run.gate is Gate.OPEN for run in line):
        return None
    return next(iter(line), None)


def superseded(run: Run, line: Sequence[Run], newest: int) -> dict[int, int]:
    """Which runs of the group end because `run` joined it, and for which run each makes way. Age goes by id, so a push
    that was planned late never ends a newer one: it ends itself."""
    if not run.supersedes:
        return {}
    if newest > run.id:
        return {run.id: newest}
    return {older.id: run.id for older in line if older.id < run.id}


def next_job(line: Sequence[JobRun], now: datetime) -> JobRun | None:
    """The first whose time has come and that may have its turn: anybody's while nobody has it, else one of the same
    unit."""
    holder = holder_of(line)
    return next((job for job in line if _waits(job, now) and may_join(job, holder)), None)


def holder_of(line: Sequence[JobRun]) -> JobRun | None:
    """Who of the group has the turn: a job that is ready or runs, else one still to come of a unit that had it."""
    active = next((job for job in line if holds(job)), None)
    if active:
        return active
    begun = {_unit(job) for job in line if job.terms.serial_unit and job.attempt}
    return next((job for job in line if not job.status.terminal and _unit(job) in begun), None)


def may_join(job: JobRun, holder: JobRun | None) -> bool:
    return holder is None or (bool(job.terms.serial_unit) and _unit(job) == _unit(holder))


def holds(job: JobRun) -> bool:
    return job.ready or job.status is Status.RUNNING


def _waits(job: JobRun, now: datetime) -> bool:
    """Only after a breakdown is there a pause; before the first attempt `ready_at` says who came first, and a wall clock
    that was moved back meanwhile keeps nobody waiting."""
    met = job.ready_at is not None and (not job.attempt or job.ready_at <= now)
    return met and job.status is Status.PENDING and not job.ready


def _unit(job: JobRun) -> tuple[int, str]:
    return job.run_id, job.terms.serial_unit
