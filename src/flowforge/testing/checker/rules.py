"""The promises, one function each. Each yields a sentence for every breach it finds."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from flowforge.model.commit_status import CommitState
from flowforge.model.delivery import Delivery
from flowforge.model.event import Event, EventKind
from flowforge.model.job_run import JobRun
from flowforge.model.status import Cause, Status
from flowforge.model.trigger import TriggerEvent
from flowforge.testing.checker.history import History

STARTING = frozenset(
    event.value for event in (TriggerEvent.PUSH, TriggerEvent.TAG, TriggerEvent.PULL_REQUEST)
)

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
    """Except those of which nothing starts: a deleted ref, a closed pull request, a commit that asks to be skipped."""
    known = {run.id for run in history.runs}
    for delivery in history.deliveries:
        owes = delivery.event in STARTING
        if bool(delivery.run_ids) is not owes or not known.issuperset(delivery.run_ids):
            yield f"delivery {delivery.id} ({delivery.event}) names runs {delivery.run_ids}"


def one_happening_starts_one_run(history: History) -> Iterator[str]:
    """A sending is recorded once. What is newest at a place starts nothing when it comes again, and every run was
    started by one happening."""
    for key, count in Counter(delivery.delivery_key for delivery in history.deliveries).items():
        if count > 1:
            yield f"delivery {key} was recorded {count} times"
    newest: dict[str, Delivery] = {}
    started_by: dict[int, Delivery] = {}
    for delivery in sorted(history.deliveries, key=lambda delivery: delivery.id):
        before = newest.get(delivery.place)
        if before and before.event_key == delivery.event_key and before.run_ids != delivery.run_ids:
            yield f"{delivery.event_key} came again as delivery {delivery.id} and started {delivery.run_ids}"
        newest[delivery.place] = delivery
        for run_id in delivery.run_ids:
            first = started_by.setdefault(run_id, delivery)
            if (first.place, first.event_key) != (delivery.place, delivery.event_key):
                yield f"run {run_id} is of deliveries {first.id} and {delivery.id}, which are not the same"


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
            if earlier.status is not Status.FAILURE:
                yield f"attempt {later.key} follows {earlier.key}, which was {earlier.status}"
        if any(not attempt.status.terminal for attempt in attempts):
            yield f"job {job.id} is over and an attempt of it is not"


def no_job_begins_before_its_needs(history: History) -> Iterator[str]:
    over: dict[int, str] = {}
    by_key = {(job.run_id, job.key): job for job in history.jobs}
    jobs = {job.id: job for job in history.jobs}
    for event in history.events:
        if event.kind is EventKind.JOB_STARTED and event.job_id in jobs:
            job = jobs[event.job_id]
            needs = [by_key[job.run_id, key] for key in job.needs]
            missing = [need.id for need in needs if not _accepted(job, need, over.get(need.id))]
            if missing:
                yield f"job {event.job_id} began before jobs {missing}"
        if event.kind is EventKind.JOB_FINISHED and event.job_id:
            over[event.job_id] = event.status


def _accepted(job: JobRun, need: JobRun, status: str | None) -> bool:
    wanted = job.terms.accepts.get(need.key, (Status.SUCCESS,))
    allowed = status == Status.FAILURE and need.terms.allow_failure
    return status in wanted or (allowed and Status.SUCCESS in wanted)


def a_run_is_what_its_jobs_are(history: History) -> Iterator[str]:
    for run in history.runs:
        jobs = history.jobs_of(run)
        statuses = {job.status for job in jobs if not _is_allowed(job)}
        success = statuses <= {Status.SUCCESS, Status.SKIPPED} and {job.status for job in jobs} != {
            Status.SKIPPED
        }
        if jobs and success != (run.status is Status.SUCCESS):
            yield f"run {run.id} is {run.status} with jobs {sorted(statuses)}"
        if run.status is not Status.SUCCESS and run.cause is None:
            yield f"run {run.id} is {run.status} and says no cause"


def _is_allowed(job: JobRun) -> bool:
    return job.status is Status.FAILURE and job.terms.allow_failure


def no_held_run_begins_unapproved(history: History) -> Iterator[str]:
    """Somebody else's code runs only after a person's word for this very commit and config."""
    for run in history.runs:
        given = run.approval and (run.approval.commit, run.approval.config_digest)
        started = any(job.attempt for job in history.jobs_of(run))
        if started and not run.trigger.trusted and given != (run.trigger.commit, run.config_digest):
            yield f"run {run.id} is a stranger's and began, approved was {given}"


def one_run_of_a_group_at_a_time(history: History) -> Iterator[str]:
    """From the first job's start to the run's end nobody else of the group does the same."""
    groups = {run.id: (run.project_id, run.group) for run in history.runs if run.group}
    busy: dict[tuple[int, str], int] = {}
    for event in history.events:
        group = groups.get(event.run_id or 0)
        if group is None or event.run_id is None:
            continue
        if event.kind is EventKind.JOB_STARTED:
            other = busy.setdefault(group, event.run_id)
            if other != event.run_id:
                yield f"run {event.run_id} began beside run {other} of group {group[1]}"
        if event.kind is EventKind.RUN_FINISHED and busy.get(group) == event.run_id:
            del busy[group]


def one_job_of_a_serial_group_at_a_time(history: History) -> Iterator[str]:
    """Or one unit, whose jobs hold the group together until the last of them is over."""
    jobs = {job.id: job for job in history.jobs if job.terms.serial_group}
    ends = {
        _holder(jobs[event.job_id]): event.id
        for event in history.events
        if event.kind is EventKind.JOB_FINISHED and event.job_id in jobs
    }
    busy: dict[str, str] = {}
    for event in history.events:
        job = jobs.get(event.job_id or 0)
        if job is None:
            continue
        group, holder = job.terms.serial_group, _holder(job)
        if event.kind is EventKind.JOB_STARTED and busy.setdefault(group, holder) != holder:
            yield f"{holder} began beside {busy[group]} of group {group}"
        leaves = event.id == ends.get(holder) if job.terms.serial_unit else event.kind in _LEAVES
        if leaves and busy.get(group) == holder:
            del busy[group]


def _holder(job: JobRun) -> str:
    unit = job.terms.serial_unit
    return f"unit {unit} of run {job.run_id}" if unit else f"job {job.id}"


_LEAVES = (EventKind.JOB_FINISHED, EventKind.JOB_QUEUED, EventKind.JOB_READY)


def step_sections_tile_the_log(history: History) -> Iterator[str]:
    for attempt in history.attempts:
        end = 0
        steps = history.steps_of(attempt.key)
        # Background steps have theirs behind the others'.
        for step in sorted(steps, key=lambda step: (step.log_start, step.log_end or 0)):
            if step.log_end is None:
                continue
            if step.log_start != end:
                yield f"step {step.index} of {attempt.key} begins at {step.log_start}, the one before ended at {end}"
            end = step.log_end
        if attempt.cause is not Cause.LOST and end != attempt.log_size:
            yield f"the steps of {attempt.key} have {end} bytes, its log {attempt.log_size}"


def commits_show_how_their_runs_ended(history: History) -> Iterator[str]:
    """Of several runs of one commit the newest one."""
    ended = {run.id: run.status for run in history.runs}
    newest = {debt.status.subject: debt for debt in sorted(history.debts, key=lambda debt: debt.run_id)}
    for debt in newest.values():
        shown = debt.status.state
        well = ended[debt.run_id] in (Status.SUCCESS, Status.SKIPPED)
        right = CommitState.SUCCESS if well else CommitState.FAILURE
        if debt.delivered != debt.version or shown is not right:
            yield f"run {debt.run_id} is {ended[debt.run_id]}, its commit is owed {shown} ({debt.last_error})"


def no_commit_goes_back_to_an_older_run(history: History) -> Iterator[str]:
    subjects = {debt.run_id: debt.status.subject for debt in history.debts}
    newest: dict[str, int] = {}
    for event in history.events:
        if event.kind is EventKind.STATUS_DELIVERED and event.run_id in subjects:
            last = newest.setdefault(subjects[event.run_id], event.run_id)
            if event.run_id < last:
                yield f"the commit of run {event.run_id} was told of it after run {last}"
            newest[subjects[event.run_id]] = max(last, event.run_id)


RULES: tuple[Rule, ...] = (
    events_are_dense,
    accepted_deliveries_have_runs,
    one_happening_starts_one_run,
    everything_ends_exactly_once,
    what_is_over_stays_over,
    one_attempt_at_a_time,
    no_job_begins_before_its_needs,
    a_run_is_what_its_jobs_are,
    no_held_run_begins_unapproved,
    one_run_of_a_group_at_a_time,
    one_job_of_a_serial_group_at_a_time,
    step_sections_tile_the_log,
    commits_show_how_their_runs_ended,
    no_commit_goes_back_to_an_older_run,
)


def _counted(history: History, kind: EventKind, key: Callable[[Event], int | None]) -> Counter[int | None]:
    return Counter(key(event) for event in history.events if event.kind is kind)
