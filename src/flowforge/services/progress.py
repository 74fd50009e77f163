"""Rows to engine state and back: the one place where a run and its jobs change status."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flowforge.engine.machine import advance
from flowforge.engine.state import JobState, Phase, RunEvent, RunPhase, RunState
from flowforge.errors import NotFound
from flowforge.model.event import EventKind, NewEvent
from flowforge.model.job_run import JobRun
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.ports import Bell, Tx

EVENTS = "events"
"""Bell: the stream of events grew."""
RUNS = "runs"
"""Bell: a run waits to be planned."""
JOBS = "jobs"
"""Bell: a job waits for a runner."""
STOPS = "stops"
"""Bell: an attempt was told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What an event made of a run; `topics` are the bells to ring once the transaction is durable."""

    run: Run
    topics: frozenset[str] = frozenset()

    def ring(self, bell: Bell) -> None:
        for topic in self.topics:
            bell.ring(topic)


def move_run(tx: Tx, run_id: int, event: RunEvent, now: datetime) -> Moved:
    """Apply one event to a run. Nothing is written when nothing follows from it."""
    run = tx.runs.hold(run_id)
    if run is None:
        raise NotFound("run", run_id)
    jobs = tx.jobs.of((run_id,))
    before = state_of(run, jobs)
    after = advance(before, event)
    if after is before:
        return Moved(run=run)
    events = [*_save_jobs(tx, run, jobs, before, after, now), *_run_events(run, before, after, now)]
    moved = _run_after(run, after, now)
    if moved != run:
        tx.runs.save(moved)
    tx.events.append(events)
    return Moved(run=moved, topics=_topics(events))


def state_of(run: Run, jobs: Sequence[JobRun]) -> RunState:
    return RunState(
        jobs={job.key: _job_state(job) for job in jobs},
        phase=_run_phase(run),
        on_failure=run.on_failure,
        status=run.status,
        cause=run.cause,
        reason=run.reason,
    )


def _run_phase(run: Run) -> RunPhase:
    if run.status.terminal:
        return RunPhase.OVER
    return RunPhase.ACTIVE if run.planned_at else RunPhase.PREPARING


def _job_state(job: JobRun) -> JobState:
    return JobState(
        key=job.key,
        needs=job.needs,
        phase=_job_phase(job),
        attempt=job.attempt,
        status=job.status,
        cause=job.cause,
        reason=job.reason,
    )


def _job_phase(job: JobRun) -> Phase:
    if job.status.terminal:
        return Phase.OVER
    if job.status is Status.RUNNING:
        return Phase.STOPPING if job.stopping else Phase.RUNNING
    return Phase.READY if job.ready else Phase.BLOCKED


def _save_jobs(
    tx: Tx, run: Run, jobs: Sequence[JobRun], before: RunState, after: RunState, now: datetime
) -> Iterator[NewEvent]:
    for job in jobs:
        was, state = before.jobs[job.key], after.jobs[job.key]
        if state == was:
            continue
        tx.jobs.save(_job_after(job, state, now))
        if state.phase is not was.phase:
            yield _job_event(run, job, state, now)


def _job_after(job: JobRun, state: JobState, now: datetime) -> JobRun:
    began = state.phase is Phase.RUNNING
    over = state.phase is Phase.OVER
    return replace(
        job,
        status=state.status,
        cause=state.cause,
        reason=state.reason,
        attempt=state.attempt,
        ready=state.phase is Phase.READY,
        stopping=state.phase is Phase.STOPPING,
        ready_at=now if state.phase is Phase.READY else job.ready_at,
        started_at=now if began else job.started_at,
        finished_at=now if over else None,
    )


_JOB_EVENTS = {
    Phase.READY: EventKind.JOB_READY,
    Phase.RUNNING: EventKind.JOB_STARTED,
    Phase.STOPPING: EventKind.JOB_STOPPING,
    Phase.OVER: EventKind.JOB_FINISHED,
}


def _job_event(run: Run, job: JobRun, state: JobState, now: datetime) -> NewEvent:
    detail = {"job": job.key, "attempt": state.attempt, "cause": state.cause, "reason": state.reason}
    return NewEvent(
        kind=_JOB_EVENTS[state.phase],
        at=now,
        organisation_id=run.organisation_id,
        run_id=run.id,
        job_id=job.id,
        status=state.status,
        detail=detail,
    )


def _run_after(run: Run, after: RunState, now: datetime) -> Run:
    began = after.status is Status.RUNNING and run.started_at is None
    return replace(
        run,
        status=after.status,
        cause=after.cause,
        reason=after.reason,
        planned_at=run.planned_at or (now if after.phase is RunPhase.ACTIVE else None),
        started_at=now if began else run.started_at,
        finished_at=now if after.phase is RunPhase.OVER else None,
    )


def _run_events(run: Run, before: RunState, after: RunState, now: datetime) -> Iterator[NewEvent]:
    detail = {"cause": after.cause, "reason": after.reason, "number": run.number}
    if after.status is Status.RUNNING and before.status is not Status.RUNNING:
        yield run_event(EventKind.RUN_STARTED, run, Status.RUNNING, now)
    if after.phase is RunPhase.OVER:
        yield replace(run_event(EventKind.RUN_FINISHED, run, after.status, now), detail=detail)


def run_event(kind: EventKind, run: Run, status: Status, now: datetime) -> NewEvent:
    return NewEvent(
        kind=kind,
        at=now,
        organisation_id=run.organisation_id,
        run_id=run.id,
        status=status,
        detail={"number": run.number},
    )


def _topics(events: Sequence[NewEvent]) -> frozenset[str]:
    topics = {EVENTS} if events else set()
    kinds = {event.kind for event in events}
    if EventKind.JOB_READY in kinds:
        topics.add(JOBS)
    if EventKind.JOB_STOPPING in kinds:
        topics.add(STOPS)
    return frozenset(topics)
