"""Rows to engine state and back: the one place where one run and its jobs change status."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowforge.engine.machine import advance
from flowforge.engine.state import Claimed, JobState, Phase, RunEvent, RunPhase, RunState
from flowforge.errors import NotFound
from flowforge.model.event import EventKind, NewEvent
from flowforge.model.job_run import JobRun
from flowforge.model.run import Gate, Run
from flowforge.model.status import Status
from flowforge.ports import Bell, Tx
from flowforge.services.states import View, near, whole

EVENTS = "events"
"""Bell: the stream of events grew."""
JOBS = "jobs"
"""Bell: a job waits for a runner."""
STOPS = "stops"
"""Bell: an attempt was told to stop."""
TIDINGS = "tidings"
"""Bell: something happened to a run as a whole, of which others may have to be told. Jobs come and go without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What an event made of a run; `topics` are the bells to ring once the transaction is durable. `changed` are the jobs
    that stand elsewhere than before, `kinds` the events that were written."""

    run: Run
    topics: frozenset[str] = frozenset()
    changed: tuple[JobRun, ...] = ()
    kinds: frozenset[EventKind] = frozenset()

    def ring(self, bell: Bell) -> None:
        for topic in self.topics:
            bell.ring(topic)


def move_one(tx: Tx, run_id: int, event: RunEvent, now: datetime) -> Moved:
    """Apply one event to a run. Nothing is written when nothing follows from it."""
    run = tx.runs.hold(run_id)
    if run is None:
        raise NotFound("run", run_id)
    view = near(tx, run, event)
    after = advance(view.state, event) if view else None
    if view is None or after is None or _goes_further(view, after):
        view = whole(tx, run)
        after = advance(view.state, event)
    before = view.state
    if after is before:
        return Moved(run=run)
    changed = tuple(_taken(job, event) for job in _changed(view.jobs, before, after, now))
    for job in changed:
        tx.jobs.save(job)
    events = [
        *(
            _job_event(run, job, after.jobs[job.key], now)
            for job in changed
            if after.jobs[job.key].phase is not before.jobs[job.key].phase
        ),
        *_run_events(run, before, after, now),
    ]
    moved = _run_after(run, after, now)
    if moved != run:
        tx.runs.save(moved)
    tx.events.append(events)
    kinds = frozenset(event.kind for event in events)
    return Moved(run=moved, topics=_topics(kinds), changed=changed, kinds=kinds)


def _goes_further(view: View, after: RunState) -> bool:
    """Whether those that wait for the job are over with it: then others may be, who wait for them."""
    return any(after.jobs[job.key].phase is Phase.OVER for job in view.jobs[1:])


_GATES = {RunPhase.HELD: Gate.APPROVAL, RunPhase.QUEUED: Gate.TURN, RunPhase.ACTIVE: Gate.OPEN}


def _changed(jobs: Sequence[JobRun], before: RunState, after: RunState, now: datetime) -> Iterator[JobRun]:
    for job in jobs:
        was, state = before.jobs[job.key], after.jobs[job.key]
        if state is not was and state != was:
            yield _job_after(job, state, now)


def _taken(job: JobRun, event: RunEvent) -> JobRun:
    """A claim says by whom."""
    if isinstance(event, Claimed) and event.key == job.key:
        return replace(job, runner=event.runner)
    return job


_MET = (Phase.GATED, Phase.QUEUED, Phase.READY)


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
        ready_at=now + timedelta(seconds=state.pause) if state.phase in _MET else job.ready_at,
        started_at=now if began else job.started_at,
        finished_at=now if over else None,
    )


_JOB_EVENTS = {
    Phase.GATED: EventKind.JOB_WAITING,
    Phase.QUEUED: EventKind.JOB_QUEUED,
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
    began = after.begun and run.started_at is None
    return replace(
        run,
        status=after.status,
        cause=after.cause,
        reason=after.reason,
        gate=_GATES.get(after.phase, run.gate),
        planned_at=run.planned_at or (now if after.jobs else None),
        started_at=now if began else run.started_at,
        finished_at=now if after.phase is RunPhase.OVER else None,
    )


def _run_events(run: Run, before: RunState, after: RunState, now: datetime) -> Iterator[NewEvent]:
    detail = {"cause": after.cause, "reason": after.reason, "number": run.number}
    for kind in _run_kinds(before, after):
        yield replace(run_event(kind, run, after.status, now), detail=detail)


def _run_kinds(before: RunState, after: RunState) -> Iterator[EventKind]:
    if before.phase is RunPhase.QUEUED and after.phase is RunPhase.ACTIVE:
        yield EventKind.RUN_LET_IN
    if after.begun and not before.begun:
        yield EventKind.RUN_STARTED
    if after.phase is RunPhase.QUEUED and before.phase is not RunPhase.QUEUED:
        yield EventKind.RUN_QUEUED
    if after.status is Status.WAITING and before.status is not Status.WAITING:
        yield EventKind.RUN_WAITING
    if after.phase is RunPhase.OVER:
        yield EventKind.RUN_FINISHED


def run_event(kind: EventKind, run: Run, status: Status, now: datetime) -> NewEvent:
    return NewEvent(
        kind=kind,
        at=now,
        organisation_id=run.organisation_id,
        run_id=run.id,
        status=status,
        detail={"number": run.number},
    )


_OF_RUNS = frozenset(kind for kind in EventKind if kind.value.startswith("run."))


def _topics(kinds: frozenset[EventKind]) -> frozenset[str]:
    topics = {EVENTS} if kinds else set()
    if kinds & _OF_RUNS:
        topics.add(TIDINGS)
    if EventKind.JOB_READY in kinds:
        topics.add(JOBS)
    if EventKind.JOB_STOPPING in kinds:
        topics.add(STOPS)
    return frozenset(topics)
