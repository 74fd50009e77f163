"""Runs and jobs that go one after the other, and runs that a person must let go on."""

from typing import Any

import pytest

from flowforge.errors import Conflict, NotFound
from flowforge.model.claim import Claim, Outcome
from flowforge.model.event import EventKind
from flowforge.model.job_terms import JobKind, JobTerms
from flowforge.model.pipeline_config import Concurrency
from flowforge.model.plan import Plan, PlannedJob
from flowforge.model.run import Gate
from flowforge.model.status import Cause, Status
from flowforge.model.trigger import PullRequest
from flowforge.ports import RunnerLink
from flowforge.services.browse import Browse
from flowforge.services.control import Control, Seen
from flowforge.services.watch import Patience, Watch
from flowforge.testing.checker import read_history, violations
from tests.unit.services.world import World, a_token, order

DEPLOY = Concurrency(group="deploy")
NEWEST_ONLY = Concurrency(group="deploy", cancel=True)
FORK = PullRequest(number=5, target="main", source_repository="mallory/web", fork=True)
SUCCESS = Outcome(status=Status.SUCCESS)
BROKEN = Outcome(status=Status.FAILURE, cause=Cause.INFRASTRUCTURE, reason="no engine")


def job(key: str, needs: str = "", **terms: Any) -> PlannedJob:
    return PlannedJob(order=order(key, steps=0), needs=tuple(needs.split()), terms=JobTerms(**terms))


def plan(*jobs: PlannedJob, concurrency: Concurrency | None = None, skip: str = "") -> Plan:
    return Plan(jobs=jobs or (job("ship"),), concurrency=concurrency, skip=skip)


def control_of(world: World) -> Control:
    return Control(world.store, world.bell, world.clock)


def watch_of(world: World) -> Watch:
    return Watch(world.store, world.logs, world.bell, world.clock, Patience(lease=60, engine=60))


async def claimed(link: RunnerLink) -> Claim:
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    return claim


async def finish(link: RunnerLink, claim: Claim, outcome: Outcome = SUCCESS) -> None:
    await link.finish(claim.lease, outcome)


async def reasons(world: World, run_id: int) -> dict[str, str]:
    view = await Browse(world.store, world.clock).run(run_id)
    return {each.job.key: each.reason for each in view.jobs or ()}


async def sound(world: World) -> None:
    """All invariants hold, but for the statuses of commits, which nobody pays here."""
    found = violations(await world.store.read(read_history))
    assert [each for each in found if not each.startswith("commits_show")] == []


async def test_runs_of_a_group_go_one_after_the_other(world: World) -> None:
    first, second, third = [
        await world.planned_as(plan(concurrency=DEPLOY), number=number) for number in (1, 2, 3)
    ]
    assert await reasons(world, second) == {"ship": f"waits for run {first} in group deploy"}
    link = await world.runner()
    for run_id in (first, second, third):
        claim = await claimed(link)
        assert claim.lease.attempt.run == run_id
        assert await link.claim(a_token(), 0) is None
        await finish(link, claim)
    await sound(world)


async def test_a_run_that_ends_while_it_stands_in_line_holds_nobody_up(world: World) -> None:
    first, second, third = [
        await world.planned_as(plan(concurrency=DEPLOY), number=number) for number in (1, 2, 3)
    ]
    await control_of(world).cancel(second, "ann")
    await control_of(world).cancel(first, "ann")
    assert (await world.run(third)).gate is Gate.OPEN


async def test_another_group_does_not_wait(world: World) -> None:
    await world.planned_as(plan(concurrency=DEPLOY))
    other = await world.planned_as(plan(concurrency=Concurrency(group="docs")), number=2)
    assert (await world.run(other)).gate is Gate.OPEN


async def test_a_newer_run_ends_the_older_ones_of_its_group(world: World) -> None:
    first = await world.planned_as(plan(concurrency=DEPLOY))
    link = await world.runner()
    running = await claimed(link)
    second = await world.planned_as(plan(concurrency=DEPLOY), number=2)
    third = await world.planned_as(plan(concurrency=NEWEST_ONLY), number=3)
    assert (await world.run(second)).reason.endswith(f"superseded by run {third}")
    assert (await world.run(third)).gate is Gate.TURN, "the first is told to stop and goes on until it has"
    await finish(link, running, Outcome(status=Status.CANCELLED, cause=Cause.CANCELLED))
    assert (await world.run(first)).status is Status.CANCELLED
    assert (await claimed(link)).lease.attempt.run == third


async def test_an_older_run_that_is_planned_late_ends_itself_and_not_the_newer_one(world: World) -> None:
    old = await world.pushed(1)
    new = await world.planned_as(plan(concurrency=NEWEST_ONLY), number=2)
    await world.plan(old, plan(concurrency=NEWEST_ONLY))
    assert (await world.run(old)).reason.endswith(f"superseded by run {new}")
    assert (await world.run(new)).status is Status.PENDING


async def test_an_older_run_that_is_planned_late_waits_where_nothing_is_superseded(world: World) -> None:
    old = await world.pushed(1)
    new = await world.planned_as(plan(concurrency=DEPLOY), number=2)
    await world.plan(old, plan(concurrency=DEPLOY))
    assert await reasons(world, old) == {"ship": f"waits for run {new} in group deploy"}


async def test_jobs_of_a_serial_group_have_their_turn_across_runs(world: World) -> None:
    serial = plan(job("ship", serial_group="prod"))
    first, second = [await world.planned_as(serial, number=number) for number in (1, 2)]
    link = await world.runner()
    claim = await claimed(link)
    assert await link.claim(a_token(), 0) is None
    assert await reasons(world, second) == {"ship": f'waits for job "ship" of run {first} in group prod'}
    await finish(link, claim)
    await finish(link, await claimed(link))
    assert (await world.run(second)).status is Status.SUCCESS
    await sound(world)


UNIT: dict[str, Any] = {"serial_group": "prod", "serial_unit": "main/deploy"}
TOGETHER = plan(
    job("up", **UNIT),
    job("check", "up", **UNIT),
    job("look", "up", **UNIT),
    job("ok", "check look", kind=JobKind.APPROVAL, **UNIT),
    job("down", "ok", **UNIT),
)


async def test_jobs_of_a_unit_hold_their_serial_group_together_until_the_last_is_over(world: World) -> None:
    first = await world.planned_as(TOGETHER, number=1)
    second = await world.planned_as(TOGETHER, number=2)
    link = await world.runner()
    await finish(link, await claimed(link))
    check, look = await claimed(link), await claimed(link)
    assert {check.lease.attempt.run, look.lease.attempt.run} == {first}, "both at once"
    await finish(link, check)
    await finish(link, look)
    assert await link.claim(a_token(), 0) is None, "a person has yet to open the gate"
    assert (await reasons(world, second))["up"] == f'waits for job "ok" of run {first} in group prod'
    await control_of(world).open_gate(first, "ok", "ann")
    await finish(link, await claimed(link))
    assert (await world.run(first)).status is Status.SUCCESS
    await finish(link, await claimed(link), Outcome(status=Status.CANCELLED, cause=Cause.CANCELLED))
    await sound(world)


async def test_a_unit_keeps_its_turn_through_the_pause_of_one_of_its_jobs_and_loses_it_with_the_last(
    world: World,
) -> None:
    first = await world.planned_as(TOGETHER, number=1)
    second = await world.planned_as(TOGETHER, number=2)
    link, watch = await world.runner(), watch_of(world)
    await finish(link, await claimed(link), BROKEN)
    assert await link.claim(a_token(), 0) is None
    world.clock.tick(60)
    assert (await reasons(world, first))["up"].endswith("tried again soon")
    await watch.let_in_due_jobs()
    claim = await claimed(link)
    assert claim.lease.attempt.run == first
    await finish(link, claim, Outcome(status=Status.FAILURE, cause=Cause.EXIT, reason="exit code 1"))
    assert (await claimed(link)).lease.attempt.run == second


async def test_a_wall_clock_that_was_moved_back_keeps_nobody_in_line(world: World) -> None:
    serial = plan(job("ship", serial_group="prod"))
    first, second = [await world.planned_as(serial, number=number) for number in (1, 2)]
    link = await world.runner()
    claim = await claimed(link)
    world.clock.jump(-3600)
    assert await reasons(world, second) == {"ship": f'waits for job "ship" of run {first} in group prod'}
    await finish(link, claim)
    assert (await claimed(link)).lease.attempt.run == second


async def test_a_cancelled_job_passes_its_turn_on(world: World) -> None:
    serial = plan(job("ship", serial_group="prod"))
    first, second = [await world.planned_as(serial, number=number) for number in (1, 2)]
    await control_of(world).cancel(first, "ann")
    assert (await claimed(await world.runner())).lease.attempt.run == second


async def test_a_job_that_broke_is_offered_again_after_its_pause_and_lets_others_go_first(
    world: World,
) -> None:
    serial = plan(job("ship", serial_group="prod"))
    first, second = [await world.planned_as(serial, number=number) for number in (1, 2)]
    link, watch = await world.runner(), watch_of(world)
    await finish(link, await claimed(link), BROKEN)
    other = await claimed(link)
    assert other.lease.attempt.run == second
    world.clock.tick(9)
    await watch.let_in_due_jobs()
    assert await link.claim(a_token(), 0) is None, "the other has the turn now"
    await finish(link, other)
    again = await claimed(link)
    assert (again.lease.attempt.run, again.lease.attempt.number) == (first, 2)
    await finish(link, again)
    await sound(world)


async def test_a_job_fails_once_it_broke_too_often_and_every_attempt_is_shown(world: World) -> None:
    run_id = await world.planned_as(plan())
    link, watch = await world.runner(), watch_of(world)
    for _ in range(3):
        await finish(link, await claimed(link), BROKEN)
        assert await link.claim(a_token(), 0) is None
        world.clock.tick(60)
        await watch.let_in_due_jobs()
    assert (await world.run(run_id)).cause is Cause.INFRASTRUCTURE
    (view,) = (await Browse(world.store, world.clock).run(run_id)).jobs or ()
    assert [(each.key.number, each.cause) for each in view.attempts] == [
        (number, Cause.INFRASTRUCTURE) for number in (1, 2, 3)
    ]
    await sound(world)


async def test_a_strangers_run_waits_for_an_approval_that_names_its_commit_and_config(world: World) -> None:
    run_id = await world.planned_as(plan(), pull_request=FORK)
    held = await world.run(run_id)
    assert (held.status, held.gate) == (Status.WAITING, Gate.APPROVAL)
    assert (
        held.reason
        == f"from a fork: waits for an approval of commit {held.trigger.commit[:12]} with this config"
    )
    link, control = await world.runner(), control_of(world)
    assert await link.claim(a_token(), 0) is None
    for seen in (Seen(commit="f" * 40), Seen(config_digest="sha256:other")):
        with pytest.raises(Conflict, match="not what was seen"):
            await control.approve(run_id, "ann", seen)
    seen = Seen(commit=held.trigger.commit, config_digest=held.config_digest)
    approved = await control.approve(run_id, "ann", seen)
    assert approved.approval is not None
    assert (approved.approval.by, approved.approval.commit) == ("ann", held.trigger.commit)
    with pytest.raises(Conflict, match="does not wait"):
        await control.approve(run_id, "bob")
    await finish(link, await claimed(link))
    await sound(world)


async def test_a_strangers_run_neither_holds_up_nor_ends_anybody_until_it_is_approved(world: World) -> None:
    ours = await world.planned_as(plan(concurrency=DEPLOY))
    theirs = await world.planned_as(plan(concurrency=NEWEST_ONLY), number=2, pull_request=FORK)
    assert (await world.run(ours)).status is Status.PENDING
    late = await world.planned_as(plan(concurrency=NEWEST_ONLY), number=3)
    assert (await world.run(ours)).status is Status.CANCELLED
    assert (await world.run(late)).gate is Gate.OPEN
    assert (await control_of(world).approve(theirs, "ann")).reason.endswith(f"superseded by run {late}")


async def test_a_rerun_of_what_was_approved_needs_no_new_word_but_a_new_commit_does(world: World) -> None:
    run_id = await world.planned_as(plan(), pull_request=FORK)
    control = control_of(world)
    await control.approve(run_id, "ann")
    await control.cancel(run_id, "ann")
    again = await control.rerun(run_id)
    await world.plan(again.id, plan())
    assert (await world.run(again.id)).gate is Gate.OPEN
    await control.cancel(again.id, "ann")
    other = await control.rerun(again.id)
    await world.plan(other.id, plan(), number=2)
    held = await world.run(other.id)
    assert (held.gate, held.approval) == (Gate.APPROVAL, None)


async def test_a_gate_is_opened_by_a_person_and_says_by_whom(world: World) -> None:
    run_id = await world.planned_as(plan(job("ok", kind=JobKind.APPROVAL), job("ship", "ok")))
    control = control_of(world)
    assert (await world.run(run_id)).status is Status.WAITING
    with pytest.raises(Conflict, match="does not wait"):
        await control.open_gate(run_id, "ship", "ann")
    with pytest.raises(NotFound):
        await control.open_gate(run_id, "none", "ann")
    await control.open_gate(run_id, "ok", "ann")
    events = await world.store.read(lambda tx: tx.events.since(0, 100))
    (opened,) = [event for event in events if event.kind is EventKind.JOB_APPROVED]
    assert (opened.detail["by"], (await reasons(world, run_id))["ok"]) == ("ann", "approved by ann")
    link = await world.runner()
    await finish(link, await claimed(link))
    assert (await world.run(run_id)).status is Status.SUCCESS
    await sound(world)


async def test_a_run_that_filters_leave_out_is_skipped_and_no_job_of_it_is_kept(world: World) -> None:
    run_id = await world.planned_as(plan(skip="no path under web/ changed"))
    run = await world.run(run_id)
    assert (run.status, run.cause, run.reason) == (
        Status.SKIPPED,
        Cause.FILTER,
        "no path under web/ changed",
    )
    assert await world.statuses(run_id) == {}


async def test_a_job_that_waits_says_for_which_labels_and_how_many_are_before_it(world: World) -> None:
    await world.runner()
    await (await world.runner()).claim(a_token(), 0)
    await world.planned_as(plan(job("a"), job("b"), job("c", labels=("gpu",)), job("d", "a b")))
    world.clock.tick(1)
    assert await reasons(world, 1) == {
        "a": "waits for a free runner",
        "b": "waits its turn: 1 job before it",
        "c": "waits for a runner with the labels gpu (1 online, none has them)",
        "d": "waits for a, b",
    }


@pytest.mark.parametrize("call", ["approve", "open_gate"])
async def test_an_unknown_run_is_not_found(world: World, call: str) -> None:
    control = control_of(world)
    with pytest.raises(NotFound):
        await (control.approve(9, "ann") if call == "approve" else control.open_gate(9, "ok", "ann"))
