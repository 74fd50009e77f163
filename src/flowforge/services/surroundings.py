"""What bears on the jobs of a run besides the run itself, as rows tell it."""

from collections.abc import Sequence
from datetime import datetime

from flowforge.engine.why import Machine, Surroundings
from flowforge.model.job_run import JobRun
from flowforge.model.run import Gate, Run
from flowforge.model.runner import RunnerStatus
from flowforge.ports import Tx
from flowforge.services.runners import status_of

COUNTED = 1_000
"""Ready jobs that are counted before one."""


def surroundings(tx: Tx, run: Run, jobs: Sequence[JobRun], now: datetime) -> Surroundings:
    """Only what is still open asks for more than the run's own rows."""
    ready = [job for job in jobs if job.ready]
    groups = {job.terms.serial_group for job in jobs if job.ready_at and not job.status.terminal} - {""}
    return Surroundings(
        run=run,
        jobs={job.key: job for job in jobs},
        now=now,
        run_ahead=_ahead_of_run(tx, run),
        ahead={job.id: place for place, job in enumerate(tx.jobs.ready(COUNTED))} if ready else {},
        machines=_machines(tx, now) if ready else (),
        lines={group: tx.turns.jobs(run.organisation_id, group) for group in groups},
    )


def _ahead_of_run(tx: Tx, run: Run) -> int | None:
    """The run that has the turn; while none has, the one before it in line."""
    if run.gate is not Gate.TURN or run.status.terminal:
        return None
    line = [other for other in tx.turns.runs(run.project_id, run.group) if other.id != run.id]
    active = next((other.id for other in line if other.gate is Gate.OPEN), None)
    return active or max((other.id for other in line if other.id < run.id), default=None)


def _machines(tx: Tx, now: datetime) -> list[Machine]:
    return [
        Machine(runner=runner, online=status_of(runner, now) is RunnerStatus.ONLINE)
        for runner in tx.runners.all()
    ]
