"""The runner link: one holder a job, late writes refused, everything repeatable; in process and over HTTP alike.

`world.runner()` answers the link that is tried.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from flowforge.errors import LeaseLost, NotFound, Unauthenticated
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Claim, Lease, Outcome, StepReport
from flowforge.model.event import EventKind
from flowforge.model.plan import Plan, PlannedJob
from flowforge.model.status import Cause, Status
from flowforge.ports import RunnerLink
from flowforge.services.control import Control
from flowforge.services.runners import Runners
from tests.contract.far_world import far_world
from tests.unit.services.world import World, a_token, order


@pytest.fixture(params=["in process", "http"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "in process":
        yield World()
        return
    async with far_world() as reached:
        yield reached


SUCCESS = Outcome(status=Status.SUCCESS)


async def claimed(link: RunnerLink) -> Claim:
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    return claim


async def test_a_claim_hands_out_the_order_and_starts_the_run(world: World) -> None:
    run_id = await world.planned({"build": ""})
    claim = await claimed(await world.runner())
    assert claim.order.key == "build"
    assert (claim.lease.attempt.run, claim.lease.attempt.number) == (run_id, 1)
    assert (await world.run(run_id)).status is Status.RUNNING


async def test_a_job_is_handed_out_once(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    assert await link.claim(a_token(), 0) is not None
    assert await link.claim(a_token(), 0) is None


async def test_a_waiting_claim_wakes_when_a_need_is_met(world: World) -> None:
    await world.planned({"build": "", "test": "build"})
    link = await world.runner()
    first = await claimed(link)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(link.claim(a_token(), 60))
        await asyncio.sleep(0)
        await link.finish(first.lease, SUCCESS)
    second = waiting.result()
    assert second is not None
    assert second.order.key == "test"


async def test_a_finished_chain_makes_a_successful_run(world: World) -> None:
    run_id = await world.planned({"build": "", "test": "build"})
    link = await world.runner()
    for _ in range(2):
        await link.finish((await claimed(link)).lease, SUCCESS)
    assert (await world.run(run_id)).status is Status.SUCCESS
    assert await world.kinds() == [
        "run.created",
        "run.planned",
        "job.ready",
        "job.started",
        "run.started",
        "job.finished",
        "job.ready",
        "job.started",
        "job.finished",
        "run.finished",
    ]


async def test_finishing_twice_is_finishing_once(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    lease = (await claimed(link)).lease
    await link.finish(lease, SUCCESS)
    before = await world.kinds()
    await link.finish(lease, Outcome(status=Status.FAILURE, cause=Cause.EXIT))
    assert await world.kinds() == before


async def refused_everywhere(link: RunnerLink, lease: Lease) -> None:
    """Each call that names a lease."""
    for call in (
        link.resume(lease),
        link.report(lease, [StepReport(index=0, status=Status.SUCCESS)]),
        link.append_log(lease, 0, b"x"),
        link.finish(lease, SUCCESS),
    ):
        with pytest.raises(LeaseLost):
            await call


async def test_a_foreign_token_is_refused_everywhere_and_leaves_a_trace(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    forged = replace((await claimed(link)).lease, token="another")
    await refused_everywhere(link, forged)
    assert (await link.renew([forged], 0)).lost == {forged.attempt}
    assert EventKind.ATTEMPT_REFUSED in await world.kinds()


async def test_refused_calls_leave_one_trace_of_each_kind_and_invented_attempts_none(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    forged = replace((await claimed(link)).lease, token="another")
    invented = replace(forged, attempt=AttemptKey(run=7, job=8, number=9))
    for _ in range(3):
        for lease in (forged, invented):
            await refused_everywhere(link, lease)
    assert (await world.kinds()).count(EventKind.ATTEMPT_REFUSED) == 4


async def test_a_step_report_is_kept_and_repeating_it_changes_nothing(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    claim = await claimed(link)
    began = StepReport(index=0, status=Status.RUNNING)
    ended = StepReport(index=0, status=Status.FAILURE, cause=Cause.EXIT, exit_code=3, log_end=9)
    for report in (began, began, ended, ended, began):
        await link.report(claim.lease, [report])
    (step,) = await world.store.read(lambda tx: tx.steps.of((claim.lease.attempt,)))
    assert (step.status, step.exit_code, step.log_end) == (Status.FAILURE, 3, 9)
    assert [kind for kind in await world.kinds() if kind.startswith("step")] == [
        "step.started",
        "step.finished",
    ]


async def test_steps_that_never_ran_are_skipped_when_the_attempt_ends(world: World) -> None:
    await world.planned_as(Plan(jobs=(PlannedJob(order=order("build", steps=2)),)))
    link = await world.runner()
    claim = await claimed(link)
    await link.report(claim.lease, [StepReport(index=0, status=Status.FAILURE)])
    await link.finish(claim.lease, Outcome(status=Status.FAILURE, cause=Cause.EXIT))
    steps = await world.store.read(lambda tx: tx.steps.of((claim.lease.attempt,)))
    assert [step.status for step in steps] == [Status.FAILURE, Status.SKIPPED]


@pytest.mark.parametrize(
    ("outcome", "status", "cause", "reason"),
    [
        (
            Outcome(status=Status.FAILURE, cause=Cause.TIMEOUT, reason="over time"),
            Status.FAILURE,
            Cause.TIMEOUT,
            "over time",
        ),
        (
            Outcome(status=Status.CANCELLED, cause=Cause.CANCELLED),
            Status.CANCELLED,
            Cause.CANCELLED,
            "the job ended before it did",
        ),
        (SUCCESS, Status.CANCELLED, Cause.CANCELLED, "the job ended before it did"),
    ],
)
async def test_a_step_that_runs_when_the_attempt_ends_has_run(
    world: World, outcome: Outcome, status: Status, cause: Cause, reason: str
) -> None:
    await world.planned_as(Plan(jobs=(PlannedJob(order=order("build", steps=2)),)))
    link = await world.runner()
    claim, began = await claimed(link), world.clock.now()
    await link.report(claim.lease, [StepReport(index=0, status=Status.RUNNING, started_at=began)])
    world.clock.tick(5)
    await link.finish(claim.lease, outcome)
    ran, left = await world.store.read(lambda tx: tx.steps.of((claim.lease.attempt,)))
    assert (ran.status, ran.cause, ran.reason) == (status, cause, reason)
    assert (ran.started_at, ran.finished_at) == (began, world.clock.now())
    assert left.status is Status.SKIPPED
    assert [kind for kind in await world.kinds() if kind.startswith("step")] == [
        "step.started",
        "step.finished",
    ]


async def test_log_bytes_arrive_by_offset_and_the_end_seals_them(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    lease = (await claimed(link)).lease
    assert await link.append_log(lease, 0, b"one\n") == 4
    assert await link.append_log(lease, 0, b"one\ntwo\n") == 8
    assert await link.append_log(lease, 20, b"gap") == 8
    await link.finish(lease, SUCCESS)
    size = await world.logs.size(lease.attempt)
    assert (size.bytes, size.lines, size.sealed) == (8, 2, True)
    with pytest.raises(LeaseLost):
        await link.append_log(lease, 8, b"late")


async def test_a_restarted_runner_gets_its_order_again(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    claim = await claimed(link)
    assert await link.resume(claim.lease) == replace(claim, secrets={})


async def test_only_declared_secrets_are_handed_out(world: World) -> None:
    world.vault.secrets.update(TOKEN="t0p", OTHER="x")
    await world.planned_as(Plan(jobs=(PlannedJob(order=order("build", declares=("TOKEN",))),)))
    assert (await claimed(await world.runner())).secrets == {"TOKEN": "t0p"}


async def test_a_job_whose_secret_is_not_set_fails_and_says_which(world: World) -> None:
    run_id = await world.planned_as(Plan(jobs=(PlannedJob(order=order("build", declares=("TOKEN",))),)))
    assert await (await world.runner()).claim(a_token(), 0) is None
    run = await world.run(run_id)
    assert (run.status, run.cause) == (Status.FAILURE, Cause.CONFIG)
    assert "TOKEN" in run.reason


async def test_a_cancel_reaches_the_waiting_heartbeat(world: World) -> None:
    run_id = await world.planned({"build": ""})
    link = await world.runner()
    lease = (await claimed(link)).lease
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(link.renew([lease], 60))
        await asyncio.sleep(0)
        await Control(world.store, world.bell, world.clock).cancel(run_id, "ann")
    assert beating.result().stop == {lease.attempt}
    await link.finish(lease, Outcome(status=Status.CANCELLED, cause=Cause.CANCELLED))
    assert (await world.run(run_id)).status is Status.CANCELLED


async def test_a_heartbeat_counts_and_marks_the_runner_as_seen(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    lease = (await claimed(link)).lease
    world.clock.tick(5)
    await link.renew([lease], 0)
    attempt = await world.store.read(lambda tx: tx.attempts.get(lease.attempt))
    assert attempt is not None
    assert attempt.beat == 1
    runner = await world.store.read(lambda tx: tx.runners.get(attempt.runner_id))
    assert runner is not None
    assert runner.seen_at == world.clock.now()


async def test_a_lease_nobody_gave_is_lost(world: World) -> None:
    link = await world.runner()
    await world.planned({"build": ""})
    lease = (await claimed(link)).lease
    unknown = Lease(attempt=replace(lease.attempt, number=9), token=lease.token)
    assert (await link.renew([unknown], 0)).lost == {unknown.attempt}


@pytest.mark.parametrize("key", ["", "ffr_", "ffr_nobodys", "ffs_session", "x" * 100_000])
async def test_a_key_that_is_nobodys_opens_no_link(world: World, key: str) -> None:
    await world.runner()
    with pytest.raises(Unauthenticated):
        await world.desk.admit(key)


async def test_a_new_key_ends_the_one_before(world: World) -> None:
    runners = Runners(world.store, world.clock)
    local = await runners.enrol_local(2, "docker")
    old, new = await runners.issue_key(local.id), await runners.issue_key(local.id)
    assert (await world.desk.admit(new)).runner_id == local.id
    with pytest.raises(Unauthenticated):
        await world.desk.admit(old)


async def test_another_runner_cannot_use_a_lease_it_was_not_given(world: World) -> None:
    await world.planned({"build": ""})
    lease = (await claimed(await world.runner())).lease
    runners = Runners(world.store, world.clock)
    other = await world.reach(await runners.issue_key((await runners.register("10.0.0.5", [])).id))
    for call in (other.resume(lease), other.append_log(lease, 0, b"x"), other.finish(lease, SUCCESS)):
        with pytest.raises(LeaseLost):
            await call
    assert (await other.renew([lease], 0)).lost == {lease.attempt}


async def test_a_runner_that_was_not_registered_gets_no_key(world: World) -> None:
    with pytest.raises(NotFound):
        await Runners(world.store, world.clock).issue_key(99)
