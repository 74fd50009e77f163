"""How a run moves: two tables, one for a job and one for its run, and nothing else decides.

The rules
- What is over stays as it is; an event that a phase does not know changes nothing.
- A run whose code nobody vouched for is held until a person approves it, whatever its filters say; a run of a group is
  queued until no other of the group goes on. No job begins before.
- A job that filters leave out is skipped from the start. One that needs it is skipped too, unless it accepts that.
- A job's needs are met once each is over with a status that the job accepts: success, where it does not say otherwise.
  A failure that is allowed counts as a success. A need that is over otherwise skips the job.
- A job whose needs are met is ready; an approval job waits for a person, a job of a group for its turn.
- When a job fails, its failure is not allowed and the run's policy is STOP, jobs that have not begun are skipped, but for
  those that ask for another end than success of a need; those that run go on to their end.
- An attempt that failed is followed by another one where a retry rule says so, unless the job was told to stop.
- Cancelling ends what has not begun at once and tells what runs to stop; an attempt that came to its own end before
  the word reached it keeps its own result.
- A run is over when all its jobs are: cancelled if a job was, else failed if a job failed and may not, else skipped if
  all were, else a success.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flowforge.engine.needs import first_broken, is_spared
from flowforge.engine.retry import may_retry, pause, rules_of
from flowforge.engine.state import (
    Abandoned,
    Approved,
    Begun,
    CancelAsked,
    Claimed,
    Finished,
    JobEvent,
    JobState,
    LeftOut,
    LetIn,
    NeedFailed,
    NeedsMet,
    OneJobEvent,
    Opened,
    Phase,
    Planned,
    Rejected,
    RunEvent,
    RunPhase,
    RunState,
    TurnCame,
    Unserved,
)
from flowforge.model.job_terms import JobKind
from flowforge.model.pipeline_config import OnFailure
from flowforge.model.status import Cause, Status


def _over(job: JobState, status: Status, cause: Cause | None = None, reason: str = "") -> JobState:
    return replace(job, phase=Phase.OVER, status=status, cause=cause, reason=reason)


def _begun(job: JobState, _: Begun) -> JobState:
    return _over(job, Status.SKIPPED, Cause.FILTER, job.terms.skip) if job.terms.skip else job


def _needs_met(job: JobState, _: NeedsMet) -> JobState:
    if job.terms.kind is JobKind.APPROVAL:
        return replace(job, phase=Phase.GATED, status=Status.WAITING, reason="waits for an approval")
    return replace(job, phase=Phase.QUEUED if job.terms.serial_group else Phase.READY, reason="")


def _opened(job: JobState, event: Opened) -> JobState:
    return _over(job, Status.SUCCESS, reason=f"approved by {event.by}")


def _turn_came(job: JobState, _: TurnCame) -> JobState:
    return replace(job, phase=Phase.READY)


def _claimed(job: JobState, _: Claimed) -> JobState:
    return replace(job, phase=Phase.RUNNING, status=Status.RUNNING, attempt=job.attempt + 1, reason="")


def _finished(job: JobState, event: Finished) -> JobState:
    outcome = event.outcome
    rules = rules_of(job.terms.retry, job.built_in)
    if outcome.status is not Status.FAILURE or not may_retry(rules, event.failure, event.earlier):
        return _over(job, outcome.status, outcome.cause, outcome.reason)
    seconds = pause(event.failure, event.earlier)
    what = "was lost" if outcome.cause is Cause.LOST else "failed"
    return replace(
        job,
        phase=Phase.QUEUED if seconds else Phase.READY,
        status=Status.PENDING,
        reason=f"attempt {job.attempt} {what}: {outcome.reason}",
        pause=seconds,
    )


def _stopped(job: JobState, event: Finished) -> JobState:
    """Whoever asked for the end knows why; the machine only that it was asked."""
    outcome = event.outcome
    if outcome.cause in (Cause.LOST, Cause.CANCELLED):
        return _over(job, Status.CANCELLED, Cause.CANCELLED, job.reason or outcome.reason)
    return _over(job, outcome.status, outcome.cause, outcome.reason or job.reason)


def _unserved(job: JobState, event: Unserved) -> JobState:
    return _over(job, Status.FAILURE, Cause.INFRASTRUCTURE, event.reason)


def _cancelled(job: JobState, event: CancelAsked) -> JobState:
    return _over(job, Status.CANCELLED, Cause.CANCELLED, event.reason)


def _stopping(job: JobState, event: CancelAsked) -> JobState:
    return replace(job, phase=Phase.STOPPING, reason=event.reason)


def _need_failed(job: JobState, event: NeedFailed) -> JobState:
    end = "was left out by a filter" if event.cause is Cause.FILTER else f"ended as {event.status}"
    return _over(job, Status.SKIPPED, Cause.NEEDS, f'needs "{event.need}", which {end}')


def _abandoned(job: JobState, event: Abandoned) -> JobState:
    if is_spared(job):
        return job
    return _over(job, Status.SKIPPED, Cause.NEEDS, f'not begun when "{event.failed}" failed (fail-fast)')


JOB_TABLE: Mapping[tuple[Phase, type[JobEvent]], Callable[[JobState, Any], JobState]] = {
    (Phase.BLOCKED, Begun): _begun,
    (Phase.BLOCKED, NeedsMet): _needs_met,
    (Phase.BLOCKED, NeedFailed): _need_failed,
    (Phase.BLOCKED, Abandoned): _abandoned,
    (Phase.BLOCKED, CancelAsked): _cancelled,
    (Phase.GATED, Opened): _opened,
    (Phase.GATED, Abandoned): _abandoned,
    (Phase.GATED, CancelAsked): _cancelled,
    (Phase.QUEUED, TurnCame): _turn_came,
    (Phase.QUEUED, Abandoned): _abandoned,
    (Phase.QUEUED, CancelAsked): _cancelled,
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


def _begin(state: RunState, event: Planned) -> RunState:
    """Held also where nothing of it takes part: its own filters must not speak for code that nobody vouched for."""
    state = _each(state, Begun())
    if event.held:
        return replace(state, phase=RunPhase.HELD, status=Status.WAITING, reason=event.held)
    return _enter(state)


def _enter(state: RunState, _: Approved | None = None) -> RunState:
    if _all_over(state):
        return _conclude(state)
    if not state.group:
        return _go_on(state)
    reason = f"waits for its turn in group {state.group}"
    return replace(state, phase=RunPhase.QUEUED, status=Status.PENDING, reason=reason)


def _go_on(state: RunState, _: LetIn | None = None) -> RunState:
    return _settle(replace(state, phase=RunPhase.ACTIVE))


def _reject(state: RunState, event: Rejected) -> RunState:
    return _end(state, Status.FAILURE, event.cause, event.reason)


def _leave_out(state: RunState, event: LeftOut) -> RunState:
    return _end(state, Status.SKIPPED, Cause.FILTER, event.reason)


def _cancel_unplanned(state: RunState, event: CancelAsked) -> RunState:
    return _end(state, Status.CANCELLED, Cause.CANCELLED, event.reason)


def _cancel_held(state: RunState, event: CancelAsked) -> RunState:
    if _all_over(state):
        return _end(state, Status.CANCELLED, Cause.CANCELLED, event.reason)
    return _cancel(state, event)


def _one(state: RunState, event: OneJobEvent) -> RunState:
    before = state.jobs[event.key]
    after = move(before, event)
    state = _pass_on(_with(state, {event.key: after}))
    if after.phase is Phase.RUNNING:
        state = replace(state, begun=True)
    if (
        after.status is Status.FAILURE
        and before.phase is not Phase.OVER
        and not after.terms.allow_failure
        and state.on_failure is OnFailure.STOP
    ):
        state = _each(state, Abandoned(failed=event.key))
    return _settle(state)


def _cancel(state: RunState, event: CancelAsked) -> RunState:
    return _settle(_each(state, event))


RUN_TABLE: Mapping[tuple[RunPhase, type[RunEvent]], Callable[[RunState, Any], RunState]] = {
    (RunPhase.PREPARING, Planned): _begin,
    (RunPhase.PREPARING, Rejected): _reject,
    (RunPhase.PREPARING, LeftOut): _leave_out,
    (RunPhase.PREPARING, CancelAsked): _cancel_unplanned,
    (RunPhase.HELD, Approved): _enter,
    (RunPhase.HELD, CancelAsked): _cancel_held,
    (RunPhase.QUEUED, LetIn): _go_on,
    (RunPhase.QUEUED, CancelAsked): _cancel,
    (RunPhase.ACTIVE, TurnCame): _one,
    (RunPhase.ACTIVE, Opened): _one,
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
    return _conclude(state) if _all_over(state) else _stand(state)


def _pass_on(state: RunState) -> RunState:
    """What a job's end means for those that need it, in plan order, so that one round is enough."""
    jobs = dict(state.jobs)
    for key, job in jobs.items():
        if job.phase is Phase.BLOCKED:
            jobs[key] = _weigh(job, jobs)
    return replace(state, jobs=jobs)


def _weigh(job: JobState, jobs: Mapping[str, JobState]) -> JobState:
    needs = [jobs[key] for key in job.needs]
    broken = first_broken(job, needs)
    if broken:
        return move(job, NeedFailed(need=broken.key, status=broken.status, cause=broken.cause))
    if all(need.phase is Phase.OVER for need in needs):
        return move(job, NeedsMet())
    return job


def _stand(state: RunState) -> RunState:
    """A run that only people can bring forward says so."""
    open_ones = [job for job in state.jobs.values() if job.phase not in (Phase.BLOCKED, Phase.OVER)]
    gates = [job for job in open_ones if job.phase is Phase.GATED]
    if gates and len(gates) == len(open_ones):
        return replace(state, status=Status.WAITING, reason=f'job "{gates[0].key}" waits for an approval')
    return replace(state, status=Status.RUNNING if state.begun else Status.PENDING, reason="")


def _all_over(state: RunState) -> bool:
    return all(job.phase is Phase.OVER for job in state.jobs.values())


def _conclude(state: RunState) -> RunState:
    jobs = state.jobs.values()
    for status in (Status.CANCELLED, Status.FAILURE):
        first = next((job for job in jobs if job.status is status and not _is_allowed(job)), None)
        if first:
            return _end(state, status, first.cause, f'job "{first.key}": {first.reason}')
    if jobs and all(job.status is Status.SKIPPED for job in jobs):
        left_out = next((job for job in jobs if job.cause is Cause.FILTER), None)
        return _end(state, Status.SKIPPED, Cause.FILTER, left_out.reason if left_out else "no job took part")
    return _end(state, Status.SUCCESS, None, "")


def _is_allowed(job: JobState) -> bool:
    return job.status is Status.FAILURE and job.terms.allow_failure


def _end(state: RunState, status: Status, cause: Cause | None, reason: str) -> RunState:
    return replace(state, phase=RunPhase.OVER, status=status, cause=cause, reason=reason)
