"""Which jobs of a run run again."""

from dataclasses import replace

from flowforge.engine.again import failed_again, why_not_again
from flowforge.engine.approvals import covers
from flowforge.engine.state import JobState, Phase
from flowforge.model.job_terms import JobTerms
from flowforge.model.status import Cause, Status
from tests.contract.store.things import run


def job(key: str, status: Status, needs: str = "", cause: Cause | None = None, skip: str = "") -> JobState:
    return JobState(
        key=key,
        needs=tuple(needs.split()),
        terms=JobTerms(skip=skip),
        phase=Phase.OVER,
        status=status,
        cause=cause,
    )


def test_what_a_filter_left_out_stays_left_out_and_brings_nobody_back() -> None:
    jobs = [
        job("a", Status.SKIPPED, cause=Cause.FILTER, skip="not on x"),
        job("b", Status.SUCCESS, "a"),
        job("c", Status.FAILURE),
        job("tell", Status.SUCCESS, "c"),
        job("d", Status.SKIPPED, "c", cause=Cause.NEEDS),
    ]
    assert failed_again({each.key: each for each in jobs}) == {"c", "tell", "d"}


def test_what_holds_a_group_together_runs_again_together() -> None:
    unit = JobTerms(serial_group="prod", serial_unit="deploy")
    jobs = [
        replace(job("up", Status.SUCCESS), terms=unit),
        replace(job("check", Status.FAILURE, "up"), terms=unit),
        job("docs", Status.SUCCESS),
        job("after", Status.SUCCESS, "up"),
    ]
    assert failed_again({each.key: each for each in jobs}) == {"up", "check", "after"}


def test_a_job_that_is_left_out_cannot_run_again_by_itself() -> None:
    left_out = job("a", Status.SKIPPED, cause=Cause.FILTER, skip="not on x")
    assert why_not_again(left_out, {}) == "not on x"


def test_no_approval_covers_nothing() -> None:
    assert not covers(None, run())
