"""The promises, one function each. Each yields a sentence for every breach it finds."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from flowforge.model.commit_status import CommitState
from flowforge.model.event import Event, EventKind
from flowforge.model.status import Cause, Status
from flowforge.testing.checker.history import History

Rule = Callable[[History], Iterator[str]]


def violations(history: History) -> tuple[str, ...]:
    """Of a system at rest: nothing runs, nothing waits, every status was delivered."""
    return tuple(f"{rule.__name__}: {breach}" for rule in RULES for breach in rule(history))


def events_are_dense(history: History) -> Iterator[str]:
    """A reader that saw event n saw all before it."""
    ids = [event.id for event in history.events]
    if ids != list(range(1, len(ids) + 1)):
        yield f"ids are {ids[:3]} … {ids[-3:]} for {len(ids)} events"


def accepted_deliveries_have_runs(history: History) -> Iterator[str]:
    known = {run.id for run in history.runs}
    for delivery in history.deliveries:
        if not delivery.run_ids or not known.issuperset(delivery.run_ids):
            yield f"delivery {delivery.id} names runs {delivery.run_ids}"


def one_happening_starts_one_run(history: History) -> Iterator[str]:
    for name, counted in (
        ("event", Counter(delivery.event_key for delivery in history.deliveries)),
        ("delivery", Counter(delivery.delivery_key for delivery in history.deliveries)),
    ):
        for key, count in counted.items():
            if count > 1:
                yield f"{name} {key} was recorded {count} times"


def everything_ends_exactly_once(history: History) -> Iterator[str]:
    runs = _counted(history, EventKind.RUN_FINISHED, lambda event: event.run_id)
    jobs = _counted(history, EventKind.JOB_FINISHED, lambda event: event.job_id)
    for run in history.runs:
        if not run.status.terminal or runs[run.id] != 1:
            yield f"run {run.id} is {run.status} and ended {runs[run.id]} times"
    for job in history.jobs:
        if not job.status.terminal or jobs[job.id] != 1:
            yield f"job {job.id} is {job.status} and ended {jobs[job.id]} times"


def what_is_over_stays_over(history: History) -> Iterator[str]:
    over: dict[int, str] = {}
    for event in history.events:
        if event.job_id is None or event.kind is EventKind.ATTEMPT_REFUSED:
            continue
        if event.job_id in over:
            yield f"job {event.job_id} went on with {event.kind} after it was {over[event.job_id]}"
        if event.kind is EventKind.JOB_FINISHED:
            over[event.job_id] = event.status
    for job in history.jobs:
        if over.get(job.id, job.status) != job.status:
            yield f"job {job.id} ended as {over[job.id]} and is {job.status} now"


def one_attempt_at_a_time(history: History) -> Iterator[str]:
    starts = _counted(history, EventKind.JOB_STARTED, lambda event: event.job_id)
    for job in history.jobs:
        attempts = history.attempts_of(job)
        numbers = [attempt.key.number for attempt in attempts]
        if numbers != list(range(1, len(numbers) + 1)) or starts[job.id] != len(numbers):
            yield f"job {job.id} has attempts {numbers} and was started {starts[job.id]} times"
        for earlier, later in pairwise(attempts):
            if earlier.cause is not Cause.LOST:
                yield f"attempt {later.key} follows {earlier.key}, which was {earlier.status}"
        if any(not attempt.status.terminal for attempt in attempts):
            yield f"job {job.id} is over and an attempt of it is not"


def no_job_begins_before_its_needs(history: History) -> Iterator[str]:
    succeeded: set[int] = set()
    by_key = {(job.run_id, job.key): job.id for job in history.jobs}
    needs = {job.id: [by_key[job.run_id, need] for need in job.needs] for job in history.jobs}
    for event in history.events:
        if event.kind is EventKind.JOB_STARTED and event.job_id:
            missing = [need for need in needs.get(event.job_id, []) if need not in succeeded]
            if missing:
                yield f"job {event.job_id} began before jobs {missing}"
        if event.kind is EventKind.JOB_FINISHED and event.status == Status.SUCCESS and event.job_id:
            succeeded.add(event.job_id)


def a_run_is_what_its_jobs_are(history: History) -> Iterator[str]:
    for run in history.runs:
        statuses = {job.status for job in history.jobs_of(run)}
        success = bool(statuses) and statuses == {Status.SUCCESS}
        if statuses and success != (run.status is Status.SUCCESS):
            yield f"run {run.id} is {run.status} with jobs {sorted(statuses)}"
        if run.status is not Status.SUCCESS and run.cause is None:
            yield f"run {run.id} is {run.status} and says no cause"


def step_sections_tile_the_log(history: History) -> Iterator[str]:
    for attempt in history.attempts:
        end = 0
        for step in history.steps_of(attempt.key):
            if step.log_end is None:
                continue
            if step.log_start != end:
                yield f"step {step.index} of {attempt.key} begins at {step.log_start}, the one before ended at {end}"
            end = step.log_end
        if attempt.cause is not Cause.LOST and end != attempt.log_size:
            yield f"the steps of {attempt.key} have {end} bytes, its log {attempt.log_size}"


def commits_show_how_their_runs_ended(history: History) -> Iterator[str]:
    ended = {run.id: run.status for run in history.runs}
    for debt in history.debts:
        shown = debt.status.state
        right = CommitState.SUCCESS if ended[debt.run_id] is Status.SUCCESS else CommitState.FAILURE
        if debt.delivered != debt.version or shown is not right:
            yield f"run {debt.run_id} is {ended[debt.run_id]}, its commit is owed {shown} ({debt.last_error})"


RULES: tuple[Rule, ...] = (
    events_are_dense,
    accepted_deliveries_have_runs,
    one_happening_starts_one_run,
    everything_ends_exactly_once,
    what_is_over_stays_over,
    one_attempt_at_a_time,
    no_job_begins_before_its_needs,
    a_run_is_what_its_jobs_are,
    step_sections_tile_the_log,
    commits_show_how_their_runs_ended,
)


def _counted(history: History, kind: EventKind, key: Callable[[Event], int | None]) -> Counter[int | None]:
    return Counter(key(event) for event in history.events if event.kind is kind)
