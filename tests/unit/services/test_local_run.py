"""A local run, with the real agent and a fake executor."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest

from flowforge.adapters.data.clock import SystemClock
from flowforge.engine.plan import Occasion, plan
from flowforge.errors import LeaseLost
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Lease, Outcome, Renewal, StepReport
from flowforge.model.job_spec import JobSpec
from flowforge.model.job_terms import NO_TERMS, JobKind, JobTerms, RetryRule
from flowforge.model.pipeline_config import PipelineConfig
from flowforge.model.secret_ref import SecretRef
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Script, StepSpec
from flowforge.model.trigger import Trigger, TriggerEvent
from flowforge.runner.agent import Agent
from flowforge.services.local_events import (
    JobFinished,
    JobStarted,
    LocalEvent,
    RunFinished,
    StepFinished,
    StepOutput,
    StepStarted,
)
from flowforge.services.local_run import LocalRun
from flowforge.testing.clock import EPOCH
from flowforge.testing.executor import Act, FakeExecutor
from flowforge.testing.spool import MemorySpool
from tests.unit.services.world import a_token

SECRET = "correct-horse"
TRIGGER = Trigger(event=TriggerEvent.PUSH, repository="app", commit="")
OCCASION = Occasion(run_id=1, number=1, trigger=TRIGGER, source=None)


def _job(
    key: str,
    *texts: str,
    needs: tuple[str, ...] = (),
    secrets: tuple[str, ...] = (),
    terms: JobTerms = NO_TERMS,
) -> JobSpec:
    return JobSpec(
        key=key,
        name=key,
        steps=tuple(StepSpec(name=text, do=Script(text=text)) for text in texts),
        needs=needs,
        secrets=tuple(SecretRef(name=name) for name in secrets),
        terms=terms,
    )


class Local:
    """A run and everything that was told of it."""

    def __init__(self, *jobs: JobSpec, secrets: Mapping[str, str] | None = None) -> None:
        config = PipelineConfig(name="ci", dialect="native", path="ci.yml", jobs=jobs)
        planned = plan(config, OCCASION)
        self.events: list[LocalEvent] = []
        self.run = LocalRun(planned, secrets or {}, SystemClock(), self.events.append)
        self.link = self.run.link()

    async def carry_out(self, acts: Mapping[str, Act], slots: int = 2) -> RunFinished:
        async def tell(_: str) -> None:
            return None

        agent = Agent(self.link, FakeExecutor(acts), MemorySpool(), slots, tell)
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(agent.serve())
            await self.run.over()
            serving.cancel()
        return self.result

    @property
    def result(self) -> RunFinished:
        last = self.events[-1]
        assert isinstance(last, RunFinished)
        return last

    def output(self, job: str) -> bytes:
        return b"".join(e.data for e in self.events if isinstance(e, StepOutput) and e.job == job)


async def test_jobs_run_in_the_order_of_their_needs_and_all_is_told() -> None:
    local = Local(_job("build", "make"), _job("test", "check", needs=("build",)))
    result = await local.carry_out({"make": Act(output=b"made\n"), "check": Act(output=b"checked\n")})
    kinds = [type(event) for event in local.events]
    job = [JobStarted, StepStarted, StepOutput, StepFinished, JobFinished]
    assert kinds == [*job, *job, RunFinished]
    assert result.status is Status.SUCCESS
    assert [(job.name, job.status, [step.exit_code for step in job.steps]) for job in result.jobs] == [
        ("build", Status.SUCCESS, [0]),
        ("test", Status.SUCCESS, [0]),
    ]


async def test_a_failed_step_ends_its_job_and_skips_what_needs_it() -> None:
    local = Local(_job("a", "bad", "never"), _job("b", "x", needs=("a",)))
    result = await local.carry_out({"bad": Act(output=b"no\n", code=3)})
    first, second = result.jobs
    assert (result.status, first.cause, second.status) == (Status.FAILURE, Cause.EXIT, Status.SKIPPED)
    assert [(step.status, step.exit_code) for step in first.steps] == [
        (Status.FAILURE, 3),
        (Status.SKIPPED, None),
    ]
    assert second.steps == ()
    assert "x" not in [event.step for event in local.events if isinstance(event, StepStarted)]


async def test_cancel_stops_what_runs_and_ends_the_run_as_cancelled() -> None:
    local = Local(_job("a", "long"), _job("b", "x", needs=("a",)))

    async def cancel() -> None:
        while not any(isinstance(event, StepOutput) for event in local.events):
            await asyncio.sleep(0.01)
        local.run.cancel("by the test")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(cancel())
        result = await local.carry_out({"long": Act(output=b"on my way\n", lasts=True)})
    assert result.status is Status.CANCELLED
    assert [job.status for job in result.jobs] == [Status.CANCELLED, Status.CANCELLED]


async def test_secrets_are_masked_also_where_a_job_did_not_declare_them() -> None:
    local = Local(_job("a", "print"), _job("b", "print", secrets=("KEY",)), secrets={"KEY": SECRET})
    acts = {"print": Act(output=f"it is {SECRET}!\n".encode())}
    await local.carry_out(acts)
    assert local.output("a") == local.output("b") == b"it is ***!\n"


async def test_only_what_a_job_declares_is_handed_to_it() -> None:
    local = Local(_job("a", "x"), _job("b", "x", secrets=("KEY",)), secrets={"KEY": SECRET})
    first, second = await local.link.claim(a_token(), 0), await local.link.claim(a_token(), 0)
    assert first
    assert second
    assert (dict(first.secrets), dict(second.secrets)) == ({}, {"KEY": SECRET})


async def test_a_lost_attempt_is_followed_by_another_and_its_late_words_count_no_more() -> None:
    local = Local(_job("a", "x"))
    first = await local.link.claim(a_token(), 0)
    assert first
    lost = Outcome(status=Status.FAILURE, cause=Cause.LOST, reason="the container is gone")
    await local.link.finish(first.lease, lost)
    second = await local.link.claim(a_token(), 0)
    assert second
    assert second.lease.attempt.number == 2
    with pytest.raises(LeaseLost):
        await local.link.append_log(first.lease, 0, b"late")
    assert (await local.link.renew([first.lease], 0)).lost == {first.lease.attempt}
    assert await local.link.resume(second.lease) == second


async def test_bytes_are_taken_once_by_their_offset() -> None:
    local = Local(_job("a", "x"))
    claim = await local.link.claim(a_token(), 0)
    assert claim
    assert await local.link.append_log(claim.lease, 0, b"abc") == 3
    assert await local.link.append_log(claim.lease, 1, b"bcde") == 5
    assert await local.link.append_log(claim.lease, 9, b"gap") == 5
    assert local.output("a") == b"abcde"


async def test_a_step_that_is_reported_late_begins_before_its_output() -> None:
    local = Local(_job("a", "x", "y"))
    claim = await local.link.claim(a_token(), 0)
    assert claim
    done = StepReport(
        index=0,
        status=Status.SUCCESS,
        exit_code=0,
        started_at=EPOCH,
        finished_at=EPOCH + timedelta(seconds=2),
    )
    await local.link.append_log(claim.lease, 0, b"first")
    await local.link.report(claim.lease, [done, done])
    await local.link.append_log(claim.lease, 5, b"second")
    told = [(type(event), getattr(event, "step", "")) for event in local.events]
    assert told == [
        (JobStarted, ""),
        (StepStarted, "x"),
        (StepOutput, "x"),
        (StepFinished, "x"),
        (StepStarted, "y"),
        (StepOutput, "y"),
    ]
    finished = local.events[3]
    assert isinstance(finished, StepFinished)
    assert finished.seconds == 2


async def test_the_end_of_a_job_is_heard_once() -> None:
    local = Local(_job("a", "x"))
    claim = await local.link.claim(a_token(), 0)
    assert claim
    for _ in range(2):
        await local.link.finish(claim.lease, Outcome(status=Status.SUCCESS))
    assert sum(isinstance(event, JobFinished) for event in local.events) == 1
    assert await local.link.renew([claim.lease], 0) == Renewal()
    assert await local.link.claim(a_token(), 0.01) is None


async def test_a_stop_is_told_once_and_then_waited_for() -> None:
    local = Local(_job("a", "x"))
    claim = await local.link.claim(a_token(), 0)
    assert claim
    local.run.cancel("by the test")
    assert (await local.link.renew([claim.lease], 5)).stop == {claim.lease.attempt}
    assert await local.link.renew([claim.lease], 0.01) == Renewal()


async def test_a_lease_that_was_never_given_is_lost() -> None:
    local = Local(_job("a", "x"))
    strange = Lease(attempt=AttemptKey(run=1, job=9, number=1), token="x")
    with pytest.raises(LeaseLost):
        await local.link.report(strange, [])
    assert (await local.link.renew([strange], 0)).lost == {strange.attempt}


async def test_a_gate_is_open_to_whoever_stands_beside_it_and_filters_count_here_too() -> None:
    local = Local(
        _job("ok", terms=JobTerms(kind=JobKind.APPROVAL)),
        _job("ship", "go", needs=("ok",), terms=JobTerms(serial_group="prod")),
        _job("other", "go", terms=JobTerms(serial_group="prod")),
        _job("docs", "write", terms=JobTerms(skip="branch x is not main")),
    )
    result = await local.carry_out({"go": Act()})
    assert {job.name: (job.status, job.reason) for job in result.jobs} == {
        "ok": (Status.SUCCESS, "approved by whoever runs it here"),
        "ship": (Status.SUCCESS, ""),
        "other": (Status.SUCCESS, ""),
        "docs": (Status.SKIPPED, "branch x is not main"),
    }
    assert result.status is Status.SUCCESS


async def test_a_plan_that_filters_leave_out_is_over_at_once_with_all_its_jobs() -> None:
    jobs = (_job("a", "x", terms=JobTerms(skip="not on x")), _job("b", "x"))
    events: list[LocalEvent] = []
    config = PipelineConfig(name="ci", dialect="native", path="ci.yml", jobs=jobs, skip="no file changed")
    run = LocalRun(plan(config, OCCASION), {}, SystemClock(), events.append)
    (result,) = events
    assert isinstance(result, RunFinished)
    assert (run.status, result.reason) == (Status.SKIPPED, "no file changed")
    assert [(job.status, job.cause, job.reason) for job in result.jobs] == [
        (Status.SKIPPED, Cause.FILTER, "not on x"),
        (Status.SKIPPED, Cause.FILTER, "no file changed"),
    ]


async def test_a_unit_goes_before_others_of_its_serial_group_until_it_is_over() -> None:
    unit = JobTerms(serial_group="prod", serial_unit="deploy")
    local = Local(
        _job("up", "go", terms=unit),
        _job("other", "go", terms=JobTerms(serial_group="prod")),
        _job("check", "go", needs=("up",), terms=unit),
        _job("look", "go", needs=("up",), terms=unit),
    )
    await local.carry_out({"go": Act()})
    started = [event.job for event in local.events if isinstance(event, JobStarted)]
    assert (started[0], started[-1]) == ("up", "other")


async def test_a_jobs_own_rules_try_it_again_and_then_it_may_fail() -> None:
    rules = JobTerms(retry=(RetryRule(limit=2, exit_codes=(3,)),), allow_failure=True)
    local = Local(_job("flaky", "bad", terms=rules), _job("after", "x", needs=("flaky",)))
    result = await local.carry_out({"bad": Act(code=3), "x": Act()})
    attempts = [
        event.attempt for event in local.events if isinstance(event, JobStarted) and event.job == "flaky"
    ]
    assert attempts == [1, 2, 3]
    assert [job.status for job in result.jobs] == [Status.FAILURE, Status.SUCCESS]
    assert result.status is Status.SUCCESS
