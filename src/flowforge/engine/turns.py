"""Whose turn it is among runs of one group, and among jobs of one group."""

from collections.abc import Sequence

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


def next_job(line: Sequence[JobRun]) -> JobRun | None:
    """The first that may have its turn, once no job of the group is ready or runs; `line` are those whose time has
    come, and whoever holds the group."""
    if any(holds(job) for job in line):
        return None
    return next((job for job in line if job.status is Status.PENDING), None)


def holds(job: JobRun) -> bool:
    return job.ready or job.status is Status.RUNNING
