"""The checker finds what it is there to find."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from flowforge.model.claim import Outcome, StepReport
from flowforge.model.commit_status import CommitState
from flowforge.model.event import EventKind
from flowforge.model.job_terms import JobTerms
from flowforge.model.status import Cause, Status
from flowforge.model.trigger import PullRequest
from flowforge.services.links import Links
from flowforge.services.statuses import StatusKeeper, Wording
from flowforge.testing.checker import History, read_history, violations
from flowforge.testing.checker.rules import RULES
from flowforge.testing.commit_statuses import FakeCommitStatuses
from tests.unit.services.world import World, a_token


async def sound(world: World) -> History:
    """Two jobs, one after the other, all well and the commit told."""
    await world.planned({"build": "", "test": "build"})
    link = await world.runner()
    while claim := await link.claim(a_token(), 0):
        await link.append_log(claim.lease, 0, b"hello\n")
        await link.report(claim.lease, [StepReport(index=0, status=Status.SUCCESS, log_end=6)])
        await link.finish(claim.lease, Outcome(status=Status.SUCCESS))
    wording = Wording(context="ci/flowforge", links=Links(""))
    keeper = StatusKeeper(world.store, FakeCommitStatuses(), world.bell, world.clock, wording, "first")
    await keeper.owe()
    await keeper.pay()
    return await world.store.read(read_history)


async def test_a_sound_history_has_no_violations(world: World) -> None:
    assert violations(await sound(world)) == ()


def without_event(history: History) -> History:
    return replace(history, events=history.events[1:])


def lost_run(history: History) -> History:
    return replace(history, deliveries=(replace(history.deliveries[0], run_ids=(9,)),))


def delivered_twice(history: History) -> History:
    return replace(history, deliveries=history.deliveries * 2)


def started_again(history: History) -> History:
    first = history.deliveries[0]
    again = replace(first, id=first.id + 1, delivery_key="another", run_ids=(2,))
    return replace(history, deliveries=(first, again))


def of_two_happenings(history: History) -> History:
    first = history.deliveries[0]
    other = replace(first, id=first.id + 1, delivery_key="another", event_key="another", place="another")
    return replace(history, deliveries=(first, other))


def quiet_with_a_run(history: History) -> History:
    return replace(history, deliveries=(replace(history.deliveries[0], event="deleted"),))


def never_ended(history: History) -> History:
    return replace(history, runs=(replace(history.runs[0], status=Status.RUNNING),))


def ended_twice(history: History) -> History:
    again = next(event for event in history.events if event.kind is EventKind.JOB_FINISHED)
    return replace(history, events=(*history.events, replace(again, id=len(history.events) + 1)))


def changed_mind(history: History) -> History:
    first, *rest = history.jobs
    return replace(history, jobs=(replace(first, status=Status.FAILURE), *rest))


def attempt_beside_another(history: History) -> History:
    first = history.attempts[0]
    twin = replace(first, key=replace(first.key, number=2))
    return replace(history, attempts=(first, twin, *history.attempts[1:]))


def attempt_left_open(history: History) -> History:
    first, *rest = history.attempts
    return replace(history, attempts=(replace(first, status=Status.RUNNING), *rest))


def needless_start(history: History) -> History:
    first, *rest = history.jobs
    return replace(history, jobs=(replace(first, needs=("test",)), *rest))


def wrong_verdict(history: History) -> History:
    run = replace(history.runs[0], status=Status.FAILURE)
    return replace(history, runs=(run,))


def _begun(history: History, terms: JobTerms) -> History:
    jobs = tuple(replace(job, terms=terms) for job in history.jobs)
    starts = [event for event in history.events if event.kind is EventKind.JOB_STARTED]
    return replace(history, jobs=jobs, events=tuple(starts))


def stranger_let_in(history: History) -> History:
    trigger = history.runs[0].trigger
    fork = replace(trigger, pull_request=PullRequest(number=1, target="main", fork=True))
    return replace(history, runs=(replace(history.runs[0], trigger=fork),))


def runs_side_by_side(history: History) -> History:
    first = replace(history.runs[0], group="deploy")
    start = next(event for event in history.events if event.kind is EventKind.JOB_STARTED)
    events = (start, replace(start, id=2, run_id=9))
    return replace(history, runs=(first, replace(first, id=9)), events=events)


def jobs_side_by_side(history: History) -> History:
    return _begun(history, JobTerms(serial_group="deploy"))


def torn_log(history: History) -> History:
    first, *rest = history.attempts
    return replace(history, attempts=(replace(first, log_size=7), *rest))


def gap_between_steps(history: History) -> History:
    first, *rest = history.steps
    return replace(history, steps=(replace(first, log_start=2), *rest))


def untold_commit(history: History) -> History:
    return replace(history, debts=(replace(history.debts[0], version=9),))


def wrongly_told_commit(history: History) -> History:
    debt = history.debts[0]
    return replace(history, debts=(replace(debt, status=replace(debt.status, state=CommitState.FAILURE)),))


def told_of_an_older_run(history: History) -> History:
    """After a newer one of the same commit."""
    debt, last = history.debts[0], history.events[-1].id
    told = next(event for event in history.events if event.kind is EventKind.STATUS_DELIVERED)
    newer, again = replace(told, id=last + 1, run_id=2), replace(told, id=last + 2)
    return replace(
        history,
        runs=(*history.runs, replace(history.runs[0], id=2)),
        debts=(debt, replace(debt, run_id=2)),
        events=(*history.events, newer, again),
    )


BREACHES = {
    without_event: "events_are_dense",
    lost_run: "accepted_deliveries_have_runs",
    delivered_twice: "one_happening_starts_one_run",
    started_again: "one_happening_starts_one_run",
    of_two_happenings: "one_happening_starts_one_run",
    quiet_with_a_run: "accepted_deliveries_have_runs",
    never_ended: "everything_ends_exactly_once",
    ended_twice: "what_is_over_stays_over",
    changed_mind: "what_is_over_stays_over",
    attempt_beside_another: "one_attempt_at_a_time",
    attempt_left_open: "one_attempt_at_a_time",
    needless_start: "no_job_begins_before_its_needs",
    wrong_verdict: "a_run_is_what_its_jobs_are",
    stranger_let_in: "no_held_run_begins_unapproved",
    runs_side_by_side: "one_run_of_a_group_at_a_time",
    jobs_side_by_side: "one_job_of_a_serial_group_at_a_time",
    torn_log: "step_sections_tile_the_log",
    gap_between_steps: "step_sections_tile_the_log",
    untold_commit: "commits_show_how_their_runs_ended",
    wrongly_told_commit: "commits_show_how_their_runs_ended",
    told_of_an_older_run: "no_commit_goes_back_to_an_older_run",
}


@pytest.mark.parametrize(
    ("breach", "rule"), BREACHES.items(), ids=lambda value: getattr(value, "__name__", value)
)
async def test_a_breach_is_named(world: World, breach: Callable[[History], History], rule: str) -> None:
    found = violations(breach(await sound(world)))
    assert rule in {violation.split(":")[0] for violation in found}


def test_every_rule_has_a_breach_that_it_finds() -> None:
    assert {rule.__name__ for rule in RULES} == set(BREACHES.values())


async def test_a_lost_attempt_may_be_followed_by_another(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    for outcome in (Outcome(status=Status.FAILURE, cause=Cause.LOST), Outcome(status=Status.SUCCESS)):
        claim = await link.claim(a_token(), 0)
        assert claim is not None
        await link.finish(claim.lease, outcome)
    assert violations(await world.store.read(read_history)) == ()
