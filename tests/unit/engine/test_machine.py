"""The state table: what happens to a run, told as short stories."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.machine import JOB_TABLE, RUN_TABLE, advance, move
from flowforge.engine.retry import MAX_ATTEMPTS, Failure
from flowforge.engine.state import (
    CancelAsked,
    Claimed,
    Finished,
    JobState,
    Phase,
    Planned,
    Rejected,
    RunEvent,
    RunPhase,
    RunState,
    Unserved,
)
from flowforge.model.claim import Outcome
from flowforge.model.pipeline_config import OnFailure
from flowforge.model.status import Cause, Status

SUCCESS = Outcome(status=Status.SUCCESS)
FAILURE = Outcome(status=Status.FAILURE, cause=Cause.EXIT, reason="exit code 1")
LOST = Outcome(status=Status.FAILURE, cause=Cause.LOST, reason="the machine vanished")
STOPPED = Outcome(status=Status.CANCELLED, cause=Cause.CANCELLED)


def run_of(needs: dict[str, str], on_failure: OnFailure = OnFailure.STOP) -> RunState:
    jobs = {key: JobState(key=key, needs=tuple(text.split())) for key, text in needs.items()}
    return RunState(jobs=jobs, on_failure=on_failure)


def after(state: RunState, *events: RunEvent) -> RunState:
    for event in events:
        state = advance(state, event)
    return state


def done(key: str, outcome: Outcome = SUCCESS) -> tuple[RunEvent, RunEvent]:
    return Claimed(key=key), Finished(key=key, outcome=outcome)


def phases(state: RunState) -> dict[str, str]:
    return {key: job.phase.value for key, job in state.jobs.items()}


def statuses(state: RunState) -> dict[str, str]:
    return {key: job.status.value for key, job in state.jobs.items()}


CHAIN = {"build": "", "test": "build", "deploy": "test"}
FORK = {"build": "", "unit": "build", "lint": "build", "ship": "unit lint"}


def test_beginning_readies_the_jobs_that_need_nothing() -> None:
    assert phases(after(run_of(FORK), Planned())) == {
        "build": "ready",
        "unit": "blocked",
        "lint": "blocked",
        "ship": "blocked",
    }


def test_a_run_is_pending_until_a_job_was_claimed() -> None:
    begun = after(run_of(CHAIN), Planned())
    assert begun.status is Status.PENDING
    assert advance(begun, Claimed(key="build")).status is Status.RUNNING


def test_a_finished_job_readies_all_that_waited_for_it() -> None:
    state = after(run_of(FORK), Planned(), *done("build"))
    assert phases(state) == {"build": "over", "unit": "ready", "lint": "ready", "ship": "blocked"}


def test_a_job_with_two_needs_waits_for_both() -> None:
    state = after(run_of(FORK), Planned(), *done("build"), *done("unit"))
    assert state.jobs["ship"].phase is Phase.BLOCKED
    assert after(state, *done("lint")).jobs["ship"].phase is Phase.READY


def test_a_run_succeeds_when_every_job_did() -> None:
    state = after(run_of(CHAIN), Planned(), *done("build"), *done("test"), *done("deploy"))
    assert (state.phase, state.status, state.cause) == (RunPhase.OVER, Status.SUCCESS, None)


def test_a_failed_job_skips_all_that_depend_on_it_and_says_why() -> None:
    state = after(run_of(CHAIN, OnFailure.CONTINUE), Planned(), *done("build", FAILURE))
    assert statuses(state) == {"build": "failure", "test": "skipped", "deploy": "skipped"}
    assert state.jobs["test"].reason == 'needs "build", which ended as failure'
    assert state.jobs["deploy"].cause is Cause.NEEDS


def test_a_failed_run_names_its_job() -> None:
    state = after(run_of(CHAIN), Planned(), *done("build", FAILURE))
    assert (state.status, state.cause) == (Status.FAILURE, Cause.EXIT)
    assert state.reason == 'job "build": exit code 1'


def test_fail_fast_skips_what_has_not_begun_and_lets_the_rest_finish() -> None:
    state = after(
        run_of({"a": "", "b": "", "c": ""}),
        Planned(),
        Claimed(key="a"),
        Claimed(key="b"),
        Finished(key="a", outcome=FAILURE),
    )
    assert statuses(state) == {"a": "failure", "b": "running", "c": "skipped"}
    assert state.phase is RunPhase.ACTIVE
    assert after(state, Finished(key="b", outcome=SUCCESS)).status is Status.FAILURE


def test_under_fail_fast_too_a_dependent_names_the_job_it_needs() -> None:
    state = after(run_of({"a": "", "b": "a", "c": ""}), Planned(), *done("a", FAILURE))
    assert state.jobs["b"].reason == 'needs "a", which ended as failure'
    assert state.jobs["c"].reason == 'not begun when "a" failed (fail-fast)'


def test_without_fail_fast_independent_jobs_still_begin() -> None:
    state = after(run_of({"a": "", "b": ""}, OnFailure.CONTINUE), Planned(), *done("a", FAILURE))
    assert state.jobs["b"].phase is Phase.READY


def test_a_lost_attempt_is_followed_by_another() -> None:
    state = after(run_of({"a": ""}), Planned(), *done("a", LOST))
    assert state.jobs["a"].phase is Phase.READY
    assert "the machine vanished" in state.jobs["a"].reason


def test_a_job_that_is_lost_every_time_fails() -> None:
    state = after(run_of({"a": ""}), Planned())
    for number in range(MAX_ATTEMPTS):
        earlier = (Failure(cause=Cause.LOST),) * number
        state = after(state, Claimed(key="a"), Finished(key="a", outcome=LOST, earlier=earlier))
    assert (state.jobs["a"].status, state.jobs["a"].cause) == (Status.FAILURE, Cause.LOST)
    assert state.jobs["a"].attempt == MAX_ATTEMPTS


def test_a_job_nobody_can_take_fails_as_infrastructure() -> None:
    state = after(run_of({"a": ""}), Planned(), Unserved(key="a", reason="no engine answers"))
    assert (state.jobs["a"].status, state.jobs["a"].cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)


def test_cancel_ends_what_has_not_begun_and_stops_what_runs() -> None:
    state = after(
        run_of({"a": "", "b": "", "c": "a"}), Planned(), Claimed(key="a"), CancelAsked(reason="by ann")
    )
    assert phases(state) == {"a": "stopping", "b": "over", "c": "over"}
    assert state.jobs["c"].status is Status.CANCELLED
    told = replace(STOPPED, reason="the run was cancelled")
    over = after(state, Finished(key="a", outcome=told))
    assert (over.status, over.cause) == (Status.CANCELLED, Cause.CANCELLED)
    assert over.jobs["a"].reason == "by ann", "the machine knows less"


def test_a_job_that_finished_before_the_cancel_reached_it_keeps_its_result() -> None:
    state = after(
        run_of({"a": ""}),
        Planned(),
        Claimed(key="a"),
        CancelAsked(reason="x"),
        Finished(key="a", outcome=SUCCESS),
    )
    assert (state.jobs["a"].status, state.status) == (Status.SUCCESS, Status.SUCCESS)


def test_a_job_lost_while_it_was_stopping_is_not_tried_again() -> None:
    state = after(
        run_of({"a": ""}),
        Planned(),
        Claimed(key="a"),
        CancelAsked(reason="x"),
        Finished(key="a", outcome=LOST),
    )
    assert state.jobs["a"].status is Status.CANCELLED


def test_a_run_is_cancelled_before_it_was_planned() -> None:
    state = after(run_of({}), CancelAsked(reason="by ann"))
    assert (state.phase, state.status, state.reason) == (RunPhase.OVER, Status.CANCELLED, "by ann")


def test_a_run_without_a_plan_fails_with_its_reason() -> None:
    state = after(run_of({}), Rejected(cause=Cause.CONFIG, reason="no jobs"))
    assert (state.status, state.cause, state.reason) == (Status.FAILURE, Cause.CONFIG, "no jobs")


EVENTS: list[RunEvent] = [
    Planned(),
    CancelAsked(reason="c"),
    Rejected(cause=Cause.CONFIG, reason="r"),
    *(Claimed(key=key) for key in FORK),
    *(Finished(key=key, outcome=outcome) for key in FORK for outcome in (SUCCESS, FAILURE, LOST, STOPPED)),
    *(Unserved(key=key, reason="u") for key in FORK),
]


@given(st.lists(st.sampled_from(EVENTS), max_size=40), st.sampled_from(OnFailure))
def test_a_terminal_status_never_changes(events: list[RunEvent], policy: OnFailure) -> None:
    state = run_of(FORK, policy)
    for event in events:
        following = advance(state, event)
        for key, job in state.jobs.items():
            if job.phase is Phase.OVER:
                assert following.jobs[key] == job
        if state.phase is RunPhase.OVER:
            assert following == state
        state = following


@given(st.lists(st.sampled_from(EVENTS), max_size=40), st.sampled_from(OnFailure))
def test_a_run_is_over_exactly_when_its_jobs_are(events: list[RunEvent], policy: OnFailure) -> None:
    state = after(run_of(FORK, policy), Planned(), *events)
    assert (state.phase is RunPhase.OVER) == all(job.phase is Phase.OVER for job in state.jobs.values())
    assert state.status.terminal == (state.phase is RunPhase.OVER)


@given(st.lists(st.sampled_from(EVENTS), max_size=40))
def test_no_job_begins_before_its_needs_succeeded(events: list[RunEvent]) -> None:
    state = after(run_of(FORK), Planned(), *events)
    for job in state.jobs.values():
        if job.attempt:
            assert all(state.jobs[need].status is Status.SUCCESS for need in job.needs)


@pytest.mark.parametrize(("phase", "event"), list(itertools.product(RunPhase, EVENTS)), ids=str)
def test_what_the_run_table_does_not_know_changes_nothing(phase: RunPhase, event: RunEvent) -> None:
    state = RunState(jobs={key: JobState(key=key) for key in FORK}, phase=phase)
    if (phase, type(event)) not in RUN_TABLE:
        assert advance(state, event) is state


@pytest.mark.parametrize("phase", Phase)
def test_what_the_job_table_does_not_know_changes_nothing(phase: Phase) -> None:
    job = JobState(key="a", phase=phase)
    for event in (Claimed(key="a"), Finished(key="a", outcome=SUCCESS), Unserved(key="a", reason="")):
        if (phase, type(event)) not in JOB_TABLE:
            assert move(job, event) is job
