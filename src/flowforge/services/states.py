"""Rows as the engine sees them: a whole run, or as much of it as one event can move."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flowforge.engine.machine import move
from flowforge.engine.state import (
    Claimed,
    Finished,
    JobState,
    Opened,
    Phase,
    RunEvent,
    RunPhase,
    RunState,
    TurnCame,
)
from flowforge.model.job_run import JobRun, Standing
from flowforge.model.run import Gate, Run
from flowforge.model.status import Status
from flowforge.ports import Tx

Near = Claimed | TurnCame | Opened | Finished
"""Events that as a rule move their job, those that wait for it, and nobody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """`jobs` are the rows that the state may move; what else stands in it is there to be seen."""

    jobs: tuple[JobRun, ...]
    state: RunState


def whole(tx: Tx, run: Run) -> View:
    jobs = tuple(tx.jobs.of((run.id,)))
    return View(jobs=jobs, state=state_of(run, jobs))


def near(tx: Tx, run: Run, event: RunEvent) -> View | None:
    """The job of the event and those that wait for it. None where the event may mean more: a failure, the run's end,
    a run that waits for people and says for which.

    A run of thousands of jobs would be read as a whole twice for each of them otherwise.
    """
    job = tx.neighbours.job(run.id, event.key) if isinstance(event, Near) else None
    if job is None or not isinstance(event, Near) or _run_phase(run) is not RunPhase.ACTIVE:
        return None
    before = job_state(job)
    after = move(before, event)
    if after is before:
        return None
    if after.phase is not Phase.OVER:
        return View(jobs=(job,), state=state_of(run, (job,)))
    if after.status is not Status.SUCCESS:
        return None
    return _around(tx, run, job)


def _around(tx: Tx, run: Run, job: JobRun) -> View | None:
    others = tx.neighbours.standings(run.id, job.key)
    if not others or any(phase_of(each) is Phase.GATED for each in others):
        return None
    dependents = tuple(tx.neighbours.blocked_by(run.id, job.key))
    is_open = tx.neighbours.open(run.id) if dependents else ()
    states = {job.key: job_state(job)}
    for place, standing in enumerate(others):
        name = f"\0{place}"  # no job's key holds a NUL
        states[name] = JobState(key=name, needs=(name,), phase=phase_of(standing), status=standing.status)
    for each in dependents:
        # A need that was met stays met, and one that is open is enough to wait for.
        left = next((key for key in each.needs if key in is_open and key != job.key), None)
        if left and left not in states:
            states[left] = JobState(key=left, needs=(left,))
        states[each.key] = replace(job_state(each), needs=(job.key, left) if left else (job.key,))
    state = replace(state_of(run, ()), jobs=states)
    return View(jobs=(job, *dependents), state=state)


def state_of(run: Run, jobs: Sequence[JobRun]) -> RunState:
    return RunState(
        jobs={job.key: job_state(job) for job in jobs},
        phase=_run_phase(run),
        on_failure=run.on_failure,
        group=run.group,
        begun=run.started_at is not None,
        status=run.status,
        cause=run.cause,
        reason=run.reason,
    )


_PHASES = {Gate.APPROVAL: RunPhase.HELD, Gate.TURN: RunPhase.QUEUED, Gate.OPEN: RunPhase.ACTIVE}


def _run_phase(run: Run) -> RunPhase:
    if run.status.terminal:
        return RunPhase.OVER
    return _PHASES[run.gate] if run.planned_at else RunPhase.PREPARING


def job_state(job: JobRun) -> JobState:
    return JobState(
        key=job.key,
        needs=job.needs,
        terms=job.terms,
        phase=phase_of(job.standing),
        attempt=job.attempt,
        status=job.status,
        cause=job.cause,
        reason=job.reason,
    )


def phase_of(standing: Standing) -> Phase:
    if standing.status.terminal:
        return Phase.OVER
    if standing.status is Status.RUNNING:
        return Phase.STOPPING if standing.stopping else Phase.RUNNING
    if standing.status is Status.WAITING:
        return Phase.GATED
    if standing.ready:
        return Phase.READY
    return Phase.QUEUED if standing.met else Phase.BLOCKED
