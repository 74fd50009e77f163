"""How a run moves: two tables, one for a job and one for its run, and nothing else decides.

The rules
- What is over stays as it is; an event that a phase does not know changes nothing.
- A job is ready once all it needs succeeded, and is skipped once one of them is over without success.
- When a job fails and the run's policy is STOP, jobs that have not begun are skipped; those that run go on to their end.
- A lost attempt is followed by another one, up to `retry.MAX_ATTEMPTS`, unless the job was told to stop.
- Cancelling ends what has not begun at once and tells what runs to stop; an attempt that came to its own end before
  the word reached it keeps its own result.
- A run is over when all its jobs are: cancelled if a job was, else failed if a job failed, else a success.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flowforge.engine.retry import may_retry
from flowforge.engine.state import (
    Abandoned,
    CancelAsked,
    Claimed,
    Finished,
    JobEvent,
    JobState,
    NeedFailed,
    NeedsMet,
    Phase,
    Planned,
    Rejected,
    RunEvent,
    RunPhase,
    RunState,
    Unserved,
)
from flowforge.model.pipeline_config import OnFailure
from flowforge.model.status import Cause, Status


def _over(job: JobState, status: Status, cause: Cause | None = None, reason: str = "") -> JobState:
    return replace(job, phase=Phase.OVER, status=status, cause=cause, reason=reason)


def _claimed(job: JobState, _: Claimed) -> JobState:
    return replace(job, phase=Phase.RUNNING, status=Status.RUNNING, attempt=job.attempt + 1, reason="")


def _finished(job: JobState, event: Finished) -> JobState:
    if may_retry(event.outcome, job.attempt):
        reason = f"attempt {job.attempt} was lost: {event.outcome.reason}"
        return replace(job, phase=Phase.READY, status=Status.PENDING, reason=reason)
    return _over(job, event.outcome.status, event.outcome.cause, event.outcome.reason)


def _stopped(job: JobState, event: Finished) -> JobState:
    if event.outcome.cause is Cause.LOST:
        return _over(job, Status.CANCELLED, Cause.CANCELLED, job.reason)
    return _over(job, event.outcome.status, event.outcome.cause, event.outcome.reason or job.reason)


def _unserved(job: JobState, event: Unserved) -> JobState:
    return _over(job, Status.FAILURE, Cause.INFRASTRUCTURE, event.reason)


def _cancelled(job: JobState, event: CancelAsked) -> JobState:
    return _over(job, Status.CANCELLED, Cause.CANCELLED, event.reason)


def _stopping(job: JobState, event: CancelAsked) -> JobState:
    return replace(job, phase=Phase.STOPPING, reason=event.reason)


def _ready(job: JobState, _: NeedsMet) -> JobState:
    return replace(job, phase=Phase.READY, reason="")


def _need_failed(job: JobState, event: NeedFailed) -> JobState:
    return _over(job, Status.SKIPPED, Cause.NEEDS, f'needs "{event.need}", which ended as {event.status}')


def _abandoned(job: JobState, event: Abandoned) -> JobState:
    return _over(job, Status.SKIPPED, Cause.NEEDS, f'not begun when "{event.failed}" failed (fail-fast)')


JOB_TABLE: Mapping[tuple[Phase, type[JobEvent]], Callable[[JobState, Any], JobState]] = {
    (Phase.BLOCKED, NeedsMet): _ready,
    (Phase.BLOCKED, NeedFailed): _need_failed,
    (Phase.BLOCKED, Abandoned): _abandoned,
    (Phase.BLOCKED, CancelAsked): _cancelled,
    (Phase.READY, Claimed): _claimed,
    (Phase.READY, Unserved): _unserved,
    (Phase.READY, Abandoned): _abandoned,
    (Phase.READY, CancelAsked): _cancelled,
    (Phase.RUNNING, Finished): _finished,
    (Phase.RUNNING, CancelAsked): _stopping,
    (Phase.STOPPING, Finished): _stopped,
}


def move(job: JobState, event: JobEvent) -> JobState:
    rule = JOB_TABLE.get((job.phase, type(event)))
    return rule(job, event) if rule else job


def _begin(state: RunState, _: Planned) -> RunState:
    return _settle(replace(state, phase=RunPhase.ACTIVE))


def _reject(state: RunState, event: Rejected) -> RunState:
    return _end(state, Status.FAILURE, event.cause, event.reason)


def _cancel_unplanned(state: RunState, event: CancelAsked) -> RunState:
    return _end(state, Status.CANCELLED, Cause.CANCELLED, event.reason)


def _one(state: RunState, event: Claimed | Finished | Unserved) -> RunState:
    before = state.jobs[event.key]
    after = move(before, event)
    state = _pass_on(_with(state, {event.key: after}))
    if after.phase is Phase.RUNNING:
        state = replace(state, status=Status.RUNNING)
    if (
        after.status is Status.FAILURE
        and before.phase is not Phase.OVER
        and state.on_failure is OnFailure.STOP
    ):
        state = _each(state, Abandoned(failed=event.key))
    return _settle(state)


def _cancel(state: RunState, event: CancelAsked) -> RunState:
    return _settle(_each(state, event))


RUN_TABLE: Mapping[tuple[RunPhase, type[RunEvent]], Callable[[RunState, Any], RunState]] = {
    (RunPhase.PREPARING, Planned): _begin,
    (RunPhase.PREPARING, Rejected): _reject,
    (RunPhase.PREPARING, CancelAsked): _cancel_unplanned,
    (RunPhase.ACTIVE, Claimed): _one,
    (RunPhase.ACTIVE, Finished): _one,
    (RunPhase.ACTIVE, Unserved): _one,
    (RunPhase.ACTIVE, CancelAsked): _cancel,
}


def advance(state: RunState, event: RunEvent) -> RunState:
    """The run after `event`; the same value when nothing follows from it."""
    rule = RUN_TABLE.get((state.phase, type(event)))
    return rule(state, event) if rule else state


def _with(state: RunState, jobs: Mapping[str, JobState]) -> RunState:
    return replace(state, jobs={**state.jobs, **jobs})


def _each(state: RunState, event: JobEvent) -> RunState:
    return _with(state, {key: move(job, event) for key, job in state.jobs.items()})


def _settle(state: RunState) -> RunState:
    """Pass on what is over, then close the run if nothing is left."""
    state = _pass_on(state)
    if any(job.phase is not Phase.OVER for job in state.jobs.values()):
        return state
    return _conclude(state)


def _pass_on(state: RunState) -> RunState:
    """What a job's end means for those that need it, in plan order, so that one round is enough."""
    jobs = dict(state.jobs)
    for key, job in jobs.items():
        jobs[key] = _weigh(job, jobs)
    return replace(state, jobs=jobs)


def _weigh(job: JobState, jobs: Mapping[str, JobState]) -> JobState:
    needs = [jobs[key] for key in job.needs]
    failed = next((n for n in needs if n.phase is Phase.OVER and n.status is not Status.SUCCESS), None)
    if failed:
        return move(job, NeedFailed(need=failed.key, status=failed.status))
    if all(need.phase is Phase.OVER for need in needs):
        return move(job, NeedsMet())
    return job


def _conclude(state: RunState) -> RunState:
    for status in (Status.CANCELLED, Status.FAILURE):
        first = next((job for job in state.jobs.values() if job.status is status), None)
        if first:
            return _end(state, status, first.cause, f'job "{first.key}": {first.reason}')
    return _end(state, Status.SUCCESS, None, "")


def _end(state: RunState, status: Status, cause: Cause | None, reason: str) -> RunState:
    return replace(state, phase=RunPhase.OVER, status=status, cause=cause, reason=reason)
