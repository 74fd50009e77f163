"""Which job a runner is given."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from flowforge.errors import Forbidden, LeaseLost, Unauthenticated
from flowforge.model.claim import Outcome
from flowforge.model.job_terms import JobTerms
from flowforge.model.lane import Lane
from flowforge.model.link_call import Offer
from flowforge.model.plan import Plan, PlannedJob
from flowforge.model.runner import Runner, Trust
from flowforge.model.status import Status
from flowforge.model.trigger import PullRequest
from flowforge.ports import Tx
from flowforge.services.control import Control
from flowforge.services.enrolment import Enrolment
from flowforge.services.intake import Intake
from flowforge.services.link import Link
from flowforge.services.progress import JOBS
from flowforge.services.runners import Runners, Terms
from flowforge.testing.clock import EPOCH
from tests.unit.services.world import REPOSITORY, World, a_token, order, push

SUCCESS = Outcome(status=Status.SUCCESS)


def labelled(key: str, *labels: str) -> PlannedJob:
    return PlannedJob(order=order(key), terms=JobTerms(labels=labels))


async def joined(world: World, host: str, *labels: str, executor: str = "docker", **terms: object) -> Link:
    """A machine that registered, with its link."""
    runners, enrolment = Runners(world.store, world.clock), Enrolment(world.store, world.clock)
    runner = await runners.register(host, labels, Terms(**terms))  # type: ignore[arg-type]
    key, _ = await enrolment.redeem(
        await enrolment.token(runner.id), Offer(slots=4, executor=executor, version="1")
    )
    return await world.desk.admit(key)


async def key_of(link: Link) -> str | None:
    claim = await link.claim(a_token(), 0)
    return claim.order.key if claim else None


async def pushed_by(world: World, project: int, number: int, fork: PullRequest | None = None) -> int:
    """A planned run of one job, of the project with this native id."""
    repository = replace(REPOSITORY, native_id=str(project), name=f"acme/p{project}")
    happening = push(number, repository=repository)
    trigger = replace(happening.trigger, pull_request=fork)
    receipt = await Intake(world.store, world.bell, world.clock).accept(
        replace(happening, trigger=trigger, key=f"{project}:{number}", delivery_id=f"{project}:{number}"),
        b"{}",
    )
    await world.plan(receipt.run_ids[0], Plan(jobs=(labelled(f"p{project}"),)))
    return receipt.run_ids[0]


async def test_a_runner_is_given_only_jobs_whose_labels_it_has_all_of(world: World) -> None:
    await world.planned_as(Plan(jobs=(labelled("gpu", "linux", "gpu"), labelled("plain", "linux"))))
    plain = await joined(world, "plain", "linux")
    assert [await key_of(plain), await key_of(plain)] == ["plain", None]
    assert await key_of(await joined(world, "big", "gpu", "linux", "arm")) == "gpu"


async def test_a_runner_that_waits_writes_nothing_for_jobs_of_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await joined(world, "plain", "linux")
    writes = 0
    write = world.store.write

    async def counted(work: Any, *, urgent: bool = False) -> Any:
        nonlocal writes
        writes += 1
        return await write(work, urgent=urgent)

    monkeypatch.setattr(world.store, "write", counted)
    waiting = asyncio.create_task(link.claim(a_token(), 30))
    try:
        while not writes:
            await asyncio.sleep(0)
        await world.planned_as(Plan(jobs=(labelled("gpu", "gpu"),)))
        before = writes
        for _ in range(5):
            world.clock.tick(2)
            world.bell.ring(JOBS)
            await asyncio.sleep(0.002)
        assert writes == before
        await world.planned_as(Plan(jobs=(labelled("plain", "linux"),)), number=2)
        world.bell.ring(JOBS)
        claim = await waiting
    finally:
        waiting.cancel()
    assert claim is not None
    assert claim.order.key == "plain"


async def test_a_runner_that_asks_often_is_noted_some_times_in_a_lease(world: World) -> None:
    link = await joined(world, "plain", "linux")
    noted = set()
    for _ in range(60):
        await link.claim(a_token(), 0)
        runner = await world.store.read(lambda tx: tx.runners.get(link.runner_id))
        assert runner is not None
        noted.add(runner.asked_at)
        world.clock.tick(1)
    assert 4 <= len(noted) <= 9


async def test_a_full_queue_for_others_hides_nothing(world: World) -> None:
    await world.planned_as(
        Plan(jobs=(*(labelled(f"gpu{n}", "gpu") for n in range(50)), labelled("mine", "linux")))
    )
    assert await key_of(await joined(world, "a", "linux")) == "mine"


async def test_a_runner_bound_to_a_project_serves_no_other(world: World) -> None:
    await pushed_by(world, 1, 1)
    await pushed_by(world, 2, 2)
    link = await joined(world, "a", projects=("acme/p2",))
    assert [await key_of(link), await key_of(link)] == ["p2", None]


async def test_a_greedy_project_takes_no_more_than_its_turn(world: World) -> None:
    for number in range(1, 7):
        await pushed_by(world, 1, number)
    world.clock.tick(60)
    await pushed_by(world, 2, 7)
    await pushed_by(world, 3, 8)
    desk = world.desk
    link = replace(await joined(world, "a"), desk=desk)
    order_of_work = []
    for _ in range(5):
        claim = await link.claim(a_token(), 0)
        assert claim
        order_of_work.append(claim.order.key)
        await link.finish(claim.lease, SUCCESS)
    assert order_of_work == ["p1", "p2", "p3", "p1", "p1"]


async def test_the_project_with_fewer_running_jobs_comes_first(world: World) -> None:
    for number in range(1, 4):
        await pushed_by(world, 1, number)
    link = await joined(world, "a")
    assert [await key_of(link), await key_of(link)] == ["p1", "p1"]
    await pushed_by(world, 2, 7)
    assert await key_of(link) == "p2"


@pytest.mark.parametrize(
    ("executor", "trust", "given"),
    [
        ("docker", Trust.ANY, "p1"),
        ("docker", Trust.TRUSTED_ONLY, None),
        ("process", Trust.ANY, None),
        ("", Trust.ANY, None),
    ],
)
async def test_somebody_elses_code_runs_only_inside_walls(
    world: World, executor: str, trust: Trust, given: str | None
) -> None:
    run_id = await pushed_by(world, 1, 1, PullRequest(number=1, target="main", fork=True))
    await Control(world.store, world.bell, world.clock).approve(run_id, "ann")
    assert await key_of(await joined(world, "a", executor=executor, trust=trust)) == given


async def test_a_draining_runner_is_given_nothing_new_and_its_own_again(world: World) -> None:
    await world.planned({"build": "", "test": ""})
    link, token = await joined(world, "a"), a_token()
    claim = await link.claim(token, 0)
    await Runners(world.store, world.clock).drain(link.runner_id, draining=True)
    assert await key_of(link) is None
    assert await link.claim(token, 0) == claim
    await Runners(world.store, world.clock).drain(link.runner_id, draining=False)
    assert await key_of(link) == "test"


async def test_a_runner_holds_no_more_than_it_was_allowed(world: World) -> None:
    await world.planned({"a": "", "b": ""})
    link = await joined(world, "a", slots=1)
    claim = await link.claim(a_token(), 0)
    assert claim
    assert await key_of(link) is None
    await link.finish(claim.lease, SUCCESS)
    assert await key_of(link) == "b"


async def test_a_token_is_good_once_and_for_an_hour(world: World) -> None:
    runners, enrolment = Runners(world.store, world.clock), Enrolment(world.store, world.clock)
    runner = await runners.register("10.0.0.5", [])
    older = await enrolment.token(runner.id)
    token = await enrolment.token(runner.id)
    await enrolment.redeem(token, Offer())
    late = await enrolment.token(runner.id)
    world.clock.tick(3601)
    for spent in (older, token, late):
        with pytest.raises(Forbidden):
            await enrolment.redeem(spent, Offer())
    for other in ("", "ffr_x", "ffs_x", "ffo_x"):
        with pytest.raises(Unauthenticated):
            await enrolment.redeem(other, Offer())


async def test_a_new_registration_ends_the_key_before(world: World) -> None:
    first = await joined(world, "a", "linux")
    enrolment = Enrolment(world.store, world.clock)
    old, _ = await enrolment.redeem(await enrolment.token(first.runner_id), Offer())
    await enrolment.redeem(await enrolment.token(first.runner_id), Offer())
    with pytest.raises(Unauthenticated):
        await world.desk.admit(old)


async def test_what_a_runner_says_widens_nothing(world: World) -> None:
    link = await joined(world, "a", "linux", slots=2)
    runner = await Enrolment(world.store, world.clock).hello(
        link.runner_id, Offer(slots=99, executor="x" * 500, version="v" * 500)
    )
    assert (runner.slots, runner.labels, len(runner.executor), len(runner.version)) == (
        2,
        ("linux",),
        100,
        100,
    )


async def test_servers_on_one_database_have_a_runner_each(world: World) -> None:
    runners = Runners(world.store, world.clock)
    known = await runners.enrol_local(2, "docker")
    first, second = (
        await runners.enrol_local(2, "docker", "a" * 32),
        await runners.enrol_local(4, "docker", "b" * 32),
    )
    again = await runners.enrol_local(3, "docker", "a" * 32)
    assert (known.id, first.id, again.id) == (known.id, known.id, known.id)
    assert second.id != first.id
    assert [(r.name, r.slots) for r in await runners.all()] == [("local", 3), ("local-bbbbbb", 4)]


def test_a_lane_is_read_back_as_it_was_written() -> None:
    for labels in ((), ("a,b", "%2C"), ("x=1/2", "ü")):
        for trusted in (True, False):
            lane = Lane.of(7, labels, trusted=trusted)
            assert Lane.parse(lane.text()) == lane


def test_a_runner_without_an_admins_bounds_serves_every_project() -> None:
    runner = Runner(id=1, organisation_id=1, name="a", host="a", created_at=EPOCH)
    assert runner.serves(Lane.of(5, (), trusted=True))
    assert not runner.serves(Lane.of(5, ("linux",), trusted=True))


async def test_a_claim_whose_answer_was_lost_is_answered_the_same_again(world: World) -> None:
    await world.planned({"build": "", "test": ""})
    link, token = await world.runner(), a_token()
    first = await link.claim(token, 0)
    assert first
    assert await link.claim(token, 0) == first

    def beats(tx: Tx) -> int:
        attempt = tx.attempts.get(first.lease.attempt)
        return attempt.beat if attempt else -1

    assert await world.store.read(beats) == 1
    await link.finish(first.lease, SUCCESS)
    with pytest.raises(LeaseLost):
        await link.claim(token, 0)
