"""Holds, lines, gates, filters and allowed failures: what keeps a job from running, and what its end means."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowforge.engine.machine import advance
from flowforge.engine.retry import Failure
from flowforge.engine.state import (
    Approved,
    CancelAsked,
    Claimed,
    Finished,
    JobState,
    LeftOut,
    LetIn,
    Opened,
    Phase,
    Planned,
    RunEvent,
    RunPhase,
    RunState,
    TurnCame,
    Unserved,
)
from flowforge.model.claim import Outcome
from flowforge.model.job_terms import JobKind, JobTerms, RetryRule
from flowforge.model.pipeline_config import OnFailure
from flowforge.model.status import Cause, Status

SUCCESS = Outcome(status=Status.SUCCESS)
FAILURE = Outcome(status=Status.FAILURE, cause=Cause.EXIT, reason="exit code 1")
BROKEN = Outcome(status=Status.FAILURE, cause=Cause.INFRASTRUCTURE, reason="no engine")
STOPPED = Outcome(status=Status.CANCELLED, cause=Cause.CANCELLED)
GATE = JobTerms(kind=JobKind.APPROVAL)


def job(key: str, needs: str = "", **terms: object) -> JobState:
    return JobState(key=key, needs=tuple(needs.split()), terms=JobTerms(**terms))  # type: ignore[arg-type]


def run_of(*jobs: JobState, group: str = "", on_failure: OnFailure = OnFailure.STOP) -> RunState:
    return RunState(jobs={each.key: each for each in jobs}, group=group, on_failure=on_failure)


def after(state: RunState, *events: RunEvent) -> RunState:
    for event in events:
        state = advance(state, event)
    return state


def done(key: str, outcome: Outcome = SUCCESS) -> tuple[RunEvent, RunEvent]:
    return Claimed(key=key), Finished(key=key, outcome=outcome)


def statuses(state: RunState) -> Mapping[str, str]:
    return {key: each.status.value for key, each in state.jobs.items()}


def test_a_held_run_waits_and_readies_nothing_until_it_is_approved() -> None:
    held = after(run_of(job("a")), Planned(held="from a fork"))
    assert (held.phase, held.status, held.reason) == (RunPhase.HELD, Status.WAITING, "from a fork")
    assert held.jobs["a"].phase is Phase.BLOCKED
    assert advance(held, Claimed(key="a")) is held
    let_go = advance(held, Approved())
    assert (let_go.status, let_go.jobs["a"].phase) == (Status.PENDING, Phase.READY)


def test_a_held_run_of_a_group_stands_in_line_once_it_is_approved() -> None:
    state = after(run_of(job("a"), group="deploy"), Planned(held="from a fork"), Approved())
    assert (state.phase, state.reason) == (RunPhase.QUEUED, "waits for its turn in group deploy")
    assert advance(state, LetIn()).jobs["a"].phase is Phase.READY


@pytest.mark.parametrize("held", ["", "from a fork"])
def test_a_run_is_cancelled_where_it_waits(held: str) -> None:
    state = after(run_of(job("a"), group="deploy"), Planned(held=held), CancelAsked(reason="by ann"))
    assert (state.status, statuses(state)) == (Status.CANCELLED, {"a": "cancelled"})


def test_a_job_that_is_left_out_is_skipped_from_the_start_and_so_is_what_needs_it() -> None:
    state = after(run_of(job("a", skip="branch x is not main"), job("b", "a"), job("c")), Planned())
    assert (state.jobs["a"].cause, state.jobs["a"].reason) == (Cause.FILTER, "branch x is not main")
    assert (state.jobs["b"].cause, state.jobs["b"].reason) == (
        Cause.NEEDS,
        'needs "a", which was left out by a filter',
    )
    assert after(state, *done("c")).status is Status.SUCCESS


def test_a_job_may_accept_that_a_need_was_left_out() -> None:
    either = {"a": (Status.SUCCESS, Status.SKIPPED)}
    state = after(run_of(job("a", skip="not here"), job("b", "a", accepts=either)), Planned())
    assert state.jobs["b"].phase is Phase.READY


@pytest.mark.parametrize("group", ["", "deploy"])
def test_a_run_whose_jobs_are_all_left_out_is_skipped_for_the_first_reason(group: str) -> None:
    state = after(run_of(job("a", skip="not on x"), job("b", skip="never"), group=group), Planned())
    assert (state.status, state.cause, state.reason) == (Status.SKIPPED, Cause.FILTER, "not on x")


@pytest.mark.parametrize("group", ["", "deploy"])
def test_a_strangers_run_is_held_though_its_own_filters_leave_everything_out(group: str) -> None:
    held = after(run_of(job("a", skip="not on x"), group=group), Planned(held="from a fork"))
    assert (held.phase, held.status, held.reason) == (RunPhase.HELD, Status.WAITING, "from a fork")
    approved = advance(held, Approved())
    assert (approved.status, approved.cause, approved.reason) == (Status.SKIPPED, Cause.FILTER, "not on x")
    cancelled = advance(held, CancelAsked(reason="superseded by run 9"))
    assert (cancelled.status, cancelled.cause) == (Status.CANCELLED, Cause.CANCELLED)
    assert cancelled.reason == "superseded by run 9"


def test_a_run_that_is_left_out_as_a_whole_says_why() -> None:
    state = after(run_of(), LeftOut(reason="no path under web/ changed"))
    assert (state.status, state.cause) == (Status.SKIPPED, Cause.FILTER)
    assert state.reason == "no path under web/ changed"


def test_an_allowed_failure_holds_nobody_up_and_fails_no_run() -> None:
    state = after(
        run_of(job("a", allow_failure=True), job("b", "a"), job("c")), Planned(), *done("a", FAILURE)
    )
    assert (state.jobs["a"].status, state.jobs["b"].phase, state.jobs["c"].phase) == (
        Status.FAILURE,
        Phase.READY,
        Phase.READY,
    )
    assert after(state, *done("b"), *done("c")).status is Status.SUCCESS


def test_an_allowed_failure_is_none_to_a_job_that_waits_for_failures_alone() -> None:
    on_failure = {"a": (Status.FAILURE,)}
    state = after(run_of(job("a", allow_failure=True), job("b", "a", accepts=on_failure)), Planned())
    assert after(state, *done("a", FAILURE)).jobs["b"].phase is Phase.READY
    assert after(state, *done("a")).jobs["b"].status is Status.SKIPPED


def test_what_waits_for_a_failure_runs_although_fail_fast_ends_the_rest() -> None:
    on_failure = {"a": (Status.FAILURE,)}
    state = after(
        run_of(job("a"), job("tell", "a", accepts=on_failure), job("c")), Planned(), *done("a", FAILURE)
    )
    assert (state.jobs["tell"].phase, state.jobs["c"].status) == (Phase.READY, Status.SKIPPED)
    assert after(state, *done("tell")).status is Status.FAILURE


def test_a_skipped_notification_does_not_spoil_a_success() -> None:
    on_failure = {"a": (Status.FAILURE,)}
    state = after(run_of(job("a"), job("tell", "a", accepts=on_failure)), Planned(), *done("a"))
    assert (state.status, statuses(state)) == (Status.SUCCESS, {"a": "success", "tell": "skipped"})


def test_an_approval_job_waits_for_a_person_and_says_who_opened_it() -> None:
    gate = JobState(key="ok", needs=("a",), terms=GATE)
    state = after(run_of(job("a"), gate, job("b", "ok")), Planned(), *done("a"))
    assert (state.status, state.reason) == (Status.WAITING, 'job "ok" waits for an approval')
    assert (state.jobs["ok"].status, state.jobs["ok"].reason) == (Status.WAITING, "waits for an approval")
    opened = advance(state, Opened(key="ok", by="ann"))
    assert (opened.status, opened.jobs["ok"].reason) == (Status.RUNNING, "approved by ann")
    assert after(opened, *done("b")).status is Status.SUCCESS


def test_a_run_is_not_waiting_while_something_else_can_go_on() -> None:
    state = after(run_of(JobState(key="ok", terms=GATE), job("a")), Planned())
    assert state.status is Status.PENDING
    running = advance(state, Claimed(key="a"))
    assert running.status is Status.RUNNING
    assert advance(running, Finished(key="a", outcome=SUCCESS)).status is Status.WAITING


def test_a_gate_is_closed_by_fail_fast_and_by_a_cancel() -> None:
    begun = after(run_of(JobState(key="ok", terms=GATE), job("a")), Planned())
    assert statuses(after(begun, *done("a", FAILURE)))["ok"] == "skipped"
    assert statuses(after(begun, CancelAsked(reason="x")))["ok"] == "cancelled"


def test_a_job_of_a_serial_group_waits_for_its_turn() -> None:
    state = after(run_of(job("a", serial_group="prod")), Planned())
    assert state.jobs["a"].phase is Phase.QUEUED
    assert advance(state, Claimed(key="a")).jobs["a"].phase is Phase.QUEUED
    assert advance(state, TurnCame(key="a")).jobs["a"].phase is Phase.READY
    assert advance(state, CancelAsked(reason="x")).status is Status.CANCELLED


def test_a_job_that_broke_pauses_before_its_next_attempt() -> None:
    state = after(run_of(job("a")), Planned(), *done("a", BROKEN))
    assert (state.jobs["a"].phase, state.jobs["a"].pause) == (Phase.QUEUED, 5)
    assert state.jobs["a"].reason == "attempt 1 failed: no engine"
    assert state.status is Status.RUNNING
    assert advance(state, TurnCame(key="a")).jobs["a"].phase is Phase.READY


def test_a_job_whose_rule_says_so_is_tried_again_and_then_fails() -> None:
    state = after(run_of(job("a", retry=(RetryRule(limit=1),))), Planned(), *done("a", FAILURE))
    assert (state.jobs["a"].phase, state.jobs["a"].attempt) == (Phase.READY, 1)
    earlier = (Failure(cause=Cause.EXIT),)
    again = after(state, Claimed(key="a"), Finished(key="a", outcome=FAILURE, earlier=earlier))
    assert (again.status, again.jobs["a"].attempt) == (Status.FAILURE, 2)


def test_fail_fast_leaves_a_job_that_was_tried_before_its_next_attempt() -> None:
    state = after(
        run_of(job("a", retry=(RetryRule(limit=1),)), job("b")),
        Planned(),
        Claimed(key="a"),
        Claimed(key="b"),
        Finished(key="a", outcome=FAILURE),
        Finished(key="b", outcome=FAILURE),
    )
    assert state.jobs["a"].phase is Phase.READY


KEYS = ("a", "b", "c", "d")
TERMS = st.builds(
    JobTerms,
    kind=st.sampled_from(JobKind),
    accepts=st.dictionaries(
        st.sampled_from(KEYS),
        st.lists(st.sampled_from([s for s in Status if s.terminal]), min_size=1, max_size=3).map(tuple),
        max_size=2,
    ),
    skip=st.sampled_from(["", "", "", "left out"]),
    allow_failure=st.booleans(),
    retry=st.sampled_from([(), (RetryRule(limit=2),), (RetryRule(limit=1, exit_codes=(7,)),)]),
    serial_group=st.sampled_from(["", "prod"]),
)


@st.composite
def runs(draw: st.DrawFn) -> RunState:
    jobs = {}
    for index, key in enumerate(KEYS):
        needs = draw(st.lists(st.sampled_from(KEYS[:index]), unique=True).map(tuple)) if index else ()
        jobs[key] = JobState(key=key, needs=needs, terms=draw(TERMS))
    return RunState(
        jobs=jobs, group=draw(st.sampled_from(["", "g"])), on_failure=draw(st.sampled_from(OnFailure))
    )


OUTCOMES = st.sampled_from([SUCCESS, FAILURE, BROKEN, STOPPED])
EVENTS = st.one_of(
    st.sampled_from([Approved(), LetIn(), CancelAsked(reason="c"), LeftOut(reason="l")]),
    st.builds(TurnCame, key=st.sampled_from(KEYS)),
    st.builds(Opened, key=st.sampled_from(KEYS), by=st.just("ann")),
    st.builds(Claimed, key=st.sampled_from(KEYS)),
    st.builds(Unserved, key=st.sampled_from(KEYS), reason=st.just("u")),
    st.builds(Finished, key=st.sampled_from(KEYS), outcome=OUTCOMES),
)
HELD = st.sampled_from(["", "from a fork"])


@settings(max_examples=60, deadline=None)
@given(runs(), HELD, st.lists(EVENTS, max_size=30))
def test_what_is_over_never_changes_whatever_happens(
    state: RunState, held: str, events: list[RunEvent]
) -> None:
    state = advance(state, Planned(held=held))
    for event in events:
        following = advance(state, event)
        assert all(following.jobs[k] == j for k, j in state.jobs.items() if j.phase is Phase.OVER)
        assert state.phase is not RunPhase.OVER or following == state
        assert following.status.terminal == (following.phase is RunPhase.OVER)
        state = following


@settings(max_examples=60, deadline=None)
@given(runs(), HELD, st.lists(EVENTS, max_size=20), OUTCOMES)
def test_no_run_is_ever_stuck(state: RunState, held: str, events: list[RunEvent], outcome: Outcome) -> None:
    """Whatever happened, those who do their part bring it to its end."""
    state = after(state, Planned(held=held), *events)
    for _ in range(60):
        if state.phase is RunPhase.OVER:
            break
        before, state = state, after(state, *_everybody_does_their_part(state, outcome))
        assert state != before
    assert state.phase is RunPhase.OVER


def _everybody_does_their_part(state: RunState, outcome: Outcome) -> list[RunEvent]:
    if state.phase is RunPhase.HELD:
        return [Approved()]
    if state.phase is RunPhase.QUEUED:
        return [LetIn()]
    return [
        _part(each, outcome) for each in state.jobs.values() if each.phase not in (Phase.BLOCKED, Phase.OVER)
    ]


def _part(each: JobState, outcome: Outcome) -> RunEvent:
    match each.phase:
        case Phase.GATED:
            return Opened(key=each.key, by="ann")
        case Phase.QUEUED:
            return TurnCame(key=each.key)
        case Phase.READY:
            return Claimed(key=each.key)
        case _:
            failure = Failure(cause=outcome.cause)
            return Finished(key=each.key, outcome=outcome, earlier=(failure,) * (each.attempt - 1))
