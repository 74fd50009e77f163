"""What becomes of attempts in the store: renewed, reported on, ended. Every write is fenced by the lease's token."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flowforge.engine.retry import Failure
from flowforge.engine.state import Finished
from flowforge.errors import NotFound
from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.claim import Lease, Outcome, Renewal, StepReport
from flowforge.model.event import EventKind, NewEvent
from flowforge.model.job_run import JobRun
from flowforge.model.order import JobOrder
from flowforge.model.secret import SecretScope
from flowforge.model.status import Cause, Status
from flowforge.model.step_run import StepRun
from flowforge.ports import Tx
from flowforge.services.claiming import known_runner
from flowforge.services.progress import Moved, move_run
from flowforge.services.runners import are_several


def own(tx: Tx, runner_id: int, lease: Lease) -> Attempt | None:
    """The attempt, if it is this runner's and the token its own; it may be over."""
    attempt = tx.attempts.get(lease.attempt)
    if attempt is None or attempt.runner_id != runner_id:
        return None
    return attempt if secrets.compare_digest(attempt.token, lease.token) else None


def live(tx: Tx, runner_id: int, lease: Lease) -> Attempt | None:
    attempt = own(tx, runner_id, lease)
    return attempt if attempt and not attempt.status.terminal else None


def order_of(tx: Tx, runner_id: int, lease: Lease) -> JobOrder | None:
    job = tx.jobs.get(lease.attempt.job) if live(tx, runner_id, lease) else None
    return job.order if job else None


def refuse(tx: Tx, runner_id: int, lease: Lease, call: str, now: datetime) -> None:
    """Leave a trace of a call under a lease that does not hold."""
    key = lease.attempt
    detail = {"attempt": key.number, "call": call, "runner": runner_id}
    tx.events.append(
        [NewEvent(kind=EventKind.ATTEMPT_REFUSED, at=now, run_id=key.run, job_id=key.job, detail=detail)]
    )


def scope_of(tx: Tx, key: AttemptKey, groups: tuple[str, ...] = ()) -> SecretScope:
    """On whose behalf the attempt may ask for secrets."""
    run, job = tx.runs.get(key.run), tx.jobs.get(key.job)
    if run is None or job is None:
        raise NotFound("job", key.job)
    return SecretScope(
        organisation_id=run.organisation_id,
        project_id=run.project_id,
        environment=job.terms.environment,
        branch=run.trigger.branch,
        groups=groups,
        trusted=run.trigger.trusted,
    )


def beat(tx: Tx, runner_id: int, leases: Collection[Lease], now: datetime) -> Renewal:
    tx.runners.save(replace(known_runner(tx, runner_id), seen_at=now))
    tx.attempts.beat([lease.attempt for lease in leases if live(tx, runner_id, lease)])
    return renewal_of(tx, runner_id, leases)


def renewal_of(tx: Tx, runner_id: int, leases: Collection[Lease]) -> Renewal:
    held = [lease.attempt for lease in leases if live(tx, runner_id, lease)]
    jobs: Mapping[AttemptKey, JobRun | None] = {key: tx.jobs.get(key.job) for key in held}
    return Renewal(
        stop=frozenset(key for key, job in jobs.items() if job and job.stopping),
        lost=frozenset(lease.attempt for lease in leases) - frozenset(held),
        others=are_several(tx),
    )


def note_steps(tx: Tx, runner_id: int, lease: Lease, reports: Sequence[StepReport], now: datetime) -> bool:
    if live(tx, runner_id, lease) is None:
        return False
    before = tx.steps.of((lease.attempt,))
    after = _reported(before, reports)
    tx.steps.save([step for step, was in zip(after, before, strict=True) if step is not was])
    tx.events.append(_step_events(before, after, now))
    return True


def _reported(steps: Sequence[StepRun], reports: Sequence[StepReport]) -> list[StepRun]:
    """The same steps in the same order; one of which there is no news is the same object."""
    told = {report.index: report for report in reports}
    return [_step(step, told[step.index]) if step.index in told else step for step in steps]


def _step_events(before: Sequence[StepRun], after: Sequence[StepRun], now: datetime) -> list[NewEvent]:
    pairs = zip(before, after, strict=True)
    return [_step_event(step, now) for was, step in pairs if was.status is not step.status]


def _step(step: StepRun, report: StepReport) -> StepRun:
    if step.status.terminal:
        return step
    after = replace(
        step,
        status=report.status,
        cause=report.cause,
        reason=report.reason,
        exit_code=report.exit_code,
        started_at=report.started_at,
        finished_at=report.finished_at,
        log_start=report.log_start,
        log_end=report.log_end,
    )
    return step if after == step else after


def _step_event(step: StepRun, now: datetime) -> NewEvent:
    kind = EventKind.STEP_FINISHED if step.status.terminal else EventKind.STEP_STARTED
    detail = {
        "step": step.index,
        "attempt": step.attempt.number,
        "exit_code": step.exit_code,
        "cause": step.cause,
    }
    return NewEvent(
        kind=kind, at=now, run_id=step.attempt.run, job_id=step.attempt.job, status=step.status, detail=detail
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What a runner says at last: `steps` are those it did not report before."""

    outcome: Outcome
    steps: Sequence[StepReport]
    log_size: int
    at: datetime


def close(tx: Tx, runner_id: int, lease: Lease, end: End) -> Moved | None:
    """End the attempt and move its run. None where the lease does not hold; the same end twice is one."""
    run = tx.runs.hold(lease.attempt.run)
    attempt = own(tx, runner_id, lease)
    if attempt is None or run is None:
        return None
    if attempt.status.terminal:
        return None if attempt.cause is Cause.LOST else Moved(run=run)
    return end_attempt(tx, replace(attempt, log_size=end.log_size), end.outcome, end.at, end.steps)


def end_attempt(
    tx: Tx, attempt: Attempt, outcome: Outcome, now: datetime, reports: Sequence[StepReport] = ()
) -> Moved:
    """Write an attempt's end and let its run go on from it."""
    key = attempt.key
    job = tx.jobs.get(key.job)
    if job is None:
        raise NotFound("job", key.job)
    ended = replace(
        attempt, status=outcome.status, cause=outcome.cause, reason=outcome.reason, finished_at=now
    )
    tx.attempts.save(ended)
    before = tx.steps.of((key,))
    told = [_stopped(step, ended) for step in _reported(before, reports)]
    steps = [
        replace(step, status=Status.SKIPPED, reason="the job ended before it")
        if step.status is Status.PENDING
        else step
        for step in told
    ]
    tx.steps.save([step for step, was in zip(steps, before, strict=True) if step is not was])
    tx.events.append(_step_events(before, told, now))
    finished = Finished(
        key=job.key, outcome=outcome, exit_code=_exit_code(steps), earlier=_earlier(tx, key, outcome)
    )
    return move_run(tx, key.run, finished, now)


def _stopped(step: StepRun, attempt: Attempt) -> StepRun:
    """A step that ran when its attempt ended has run: it ends for the attempt's cause."""
    if step.status is not Status.RUNNING:
        return step
    after = replace(
        step, reason=attempt.reason or "the job ended before it did", finished_at=attempt.finished_at
    )
    if attempt.status is Status.FAILURE:
        return replace(after, status=Status.FAILURE, cause=attempt.cause)
    return replace(after, status=Status.CANCELLED, cause=attempt.cause or Cause.CANCELLED)


def _earlier(tx: Tx, key: AttemptKey, outcome: Outcome) -> tuple[Failure, ...]:
    """Asked for only where a retry may follow."""
    if outcome.status is not Status.FAILURE or key.number == 1:
        return ()
    before = [attempt for attempt in tx.attempts.of(key.job) if attempt.key.number < key.number]
    return tuple(
        Failure(cause=attempt.cause, exit_code=_exit_code(tx.steps.of((attempt.key,)))) for attempt in before
    )


def _exit_code(steps: Sequence[StepRun]) -> int | None:
    return next((step.exit_code for step in steps if step.status is Status.FAILURE), None)
