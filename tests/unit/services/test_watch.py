"""What does not happen is noticed by counting, not by the wall clock."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from flowforge.errors import NoRoom, StoreUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import StepReport
from flowforge.model.event import EventKind, NewEvent
from flowforge.model.log import LogSize
from flowforge.model.status import Cause, Status
from flowforge.ports import Tx
from flowforge.services.runners import Runners
from flowforge.services.watch import Patience, Stillness, Watch, lose
from tests.unit.services.world import World, a_token

PATIENCE = Patience(lease=60, engine=600)
LOOK = 15


def ask(tx: Tx, runner_id: int, now: datetime) -> None:
    runner = tx.runners.get(runner_id)
    assert runner is not None
    tx.runners.save(replace(runner, asked_at=now))


def watch_of(world: World) -> Watch:
    return Watch(world.store, world.logs, world.bell, world.clock, PATIENCE)


async def pass_time(world: World, watch: Watch, seconds: int) -> None:
    """In steps of one look, as `serve` would."""
    for _ in range(0, seconds, LOOK):
        world.clock.tick(LOOK)
        await watch.end_lost_attempts()
        await watch.end_unserved_jobs()


def test_stillness_counts_from_the_last_change() -> None:
    still = Stillness(60.0)
    assert still.of("x", {"a": 1}, 100.0) == {"a": 0.0}
    assert still.of("x", {"a": 1, "b": 1}, 130.0) == {"a": 30.0, "b": 0.0}
    assert still.of("x", {"a": 2, "b": 1}, 140.0) == {"a": 0.0, "b": 10.0}
    assert still.of("y", {"a": 2}, 140.0) == {"a": 0.0}


def test_time_that_nobody_watched_counts_as_little_as_one_look() -> None:
    still = Stillness(30.0)
    still.of("x", {"a": 1}, 0.0)
    assert still.of("x", {"a": 1}, 15.0) == {"a": 15.0}
    assert still.of("x", {"a": 1}, 7215.0) == {"a": 45.0}


def test_what_is_not_named_any_more_is_forgotten() -> None:
    still = Stillness(60.0)
    still.of("x", {"a": 1}, 100.0)
    assert still.of("x", {}, 110.0) == {}
    assert still.of("x", {"a": 1}, 120.0) == {"a": 0.0}


async def test_an_attempt_that_is_not_renewed_is_lost_and_tried_again(world: World) -> None:
    run_id = await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    first = await link.claim(a_token(), 0)
    await watch.end_lost_attempts()
    await pass_time(world, watch, 75)
    second = await link.claim(a_token(), 0)
    assert first is not None
    assert second is not None
    assert second.lease.attempt.number == 2
    assert (await link.renew([first.lease], 0)).lost == {first.lease.attempt}
    assert (await world.run(run_id)).status is Status.RUNNING


async def test_a_renewed_attempt_lives_on(world: World) -> None:
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    for _ in range(10):
        await watch.end_lost_attempts()
        world.clock.tick(50)
        await link.renew([claim.lease], 0)
    assert (await link.renew([claim.lease], 0)).lost == frozenset()


async def test_no_clock_jump_takes_a_live_job_away(world: World) -> None:
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    await watch.end_lost_attempts()
    for seconds in (timedelta(days=365), timedelta(days=-700)):
        world.clock.jump(seconds.total_seconds())
        await watch.end_lost_attempts()
    assert (await link.renew([claim.lease], 0)).lost == frozenset()


async def test_a_server_that_was_away_gives_every_lease_its_full_time(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    await watch_of(world).end_lost_attempts()
    world.clock.tick(7200)
    await watch_of(world).end_lost_attempts()
    assert (await link.renew([claim.lease], 0)).lost == frozenset()


async def test_a_job_without_any_runner_says_what_it_waits_for_and_fails_in_the_end(world: World) -> None:
    run_id = await world.planned({"build": ""})
    runners = Runners(world.store, world.clock)
    local = await runners.enrol_local(2, "docker")
    await runners.note(local.id, "no container engine answers")
    watch = watch_of(world)
    await watch.end_unserved_jobs()
    (job,) = await world.store.read(lambda tx: tx.jobs.of((run_id,)))
    assert job.reason == "local: no container engine answers"
    await pass_time(world, watch, 615)
    run = await world.run(run_id)
    assert (run.status, run.cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)
    assert "no container engine answers" in run.reason


async def test_a_job_waits_as_long_as_a_busy_runner_lives(world: World) -> None:
    run_id = await world.planned({"build": "", "lint": "", "test": ""})
    link, watch = await world.runner(), watch_of(world)
    claims = [await link.claim(a_token(), 0) for _ in range(2)]
    leases = [claim.lease for claim in claims if claim]
    for _ in range(50):
        await link.renew(leases, 0)
        await pass_time(world, watch, 30)
    assert await world.statuses(run_id) == {"build": "running", "lint": "running", "test": "pending"}


async def test_a_runner_that_renews_and_asks_for_nothing_serves_no_job(world: World) -> None:
    run_id = await world.planned({"build": "", "lint": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    for _ in range(25):
        await link.renew([claim.lease], 0)
        await pass_time(world, watch, 30)
    statuses = await world.statuses(run_id)
    assert statuses["lint"] == "failure"


async def test_a_runner_that_asks_serves_jobs_it_was_not_given_yet(world: World) -> None:
    run_id = await world.planned({"build": "", "lint": ""})
    link, watch = await world.runner(), watch_of(world)
    runner_id, now = link.runner_id, world.clock.now
    for _ in range(50):
        # Another server's transaction holds the ready jobs, so nothing is handed out.
        await world.store.write(lambda tx: ask(tx, runner_id, now()))
        await pass_time(world, watch, 30)
    assert await world.statuses(run_id) == {"build": "pending", "lint": "pending"}


async def test_a_database_that_was_away_gives_every_lease_its_full_time(world: World) -> None:
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    await pass_time(world, watch, 30)
    for _ in range(6):
        world.clock.tick(LOOK)
        with world.store.refusing(), pytest.raises(StoreUnavailable):
            await watch.end_lost_attempts()
    await watch.end_lost_attempts()
    assert (await link.renew([claim.lease], 0)).lost == frozenset()


async def test_nobody_is_judged_in_a_round_that_cannot_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk can be read, and takes no renewals either."""
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(a_token(), 0)
    assert claim is not None

    async def full(work: object, *, urgent: bool = False) -> None:
        raise StoreUnavailable("the database has no room left")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "write", full)
        for _ in range(20):
            world.clock.tick(LOOK)
            with pytest.raises(StoreUnavailable):
                await watch.end_lost_attempts()
    await watch.end_lost_attempts()
    assert (await link.renew([claim.lease], 0)).lost == frozenset()


async def test_the_step_that_ran_in_a_lost_attempt_is_lost_too(world: World) -> None:
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    began = world.clock.now()
    await link.report(claim.lease, [StepReport(index=0, status=Status.RUNNING, started_at=began)])
    await watch.end_lost_attempts()
    await pass_time(world, watch, 75)
    (step,) = await world.store.read(lambda tx: tx.steps.of((claim.lease.attempt,)))
    assert (step.status, step.cause, step.started_at) == (Status.FAILURE, Cause.LOST, began)
    assert step.reason


async def test_the_log_of_a_lost_attempt_ends(world: World) -> None:
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    await link.append_log(claim.lease, 0, b"half a li")
    await watch.end_lost_attempts()
    await pass_time(world, watch, 75)
    assert (await world.logs.size(claim.lease.attempt)).sealed


async def test_a_log_that_an_earlier_server_left_open_ends(world: World) -> None:
    await world.planned({"build": "", "lint": ""})
    link = await world.runner()
    over, going = await link.claim(a_token(), 0), await link.claim(a_token(), 0)
    assert over is not None
    assert going is not None
    key, now = over.lease.attempt, world.clock.now()
    await world.store.write(lambda tx: lose(tx, key, 0, 60, now))
    await watch_of(world).seal_ended_logs()
    assert (await world.logs.size(key)).sealed
    assert not (await world.logs.size(going.lease.attempt)).sealed


async def test_a_log_that_a_server_left_open_ends_however_much_happened_since(world: World) -> None:
    await world.planned({"build": "", "lint": ""})
    link = await world.runner()
    first, second = await link.claim(a_token(), 0), await link.claim(a_token(), 0)
    assert first is not None
    assert second is not None
    await watch_of(world).seal_ended_logs()
    for claim in (first, second):
        key, now = claim.lease.attempt, world.clock.now()
        await world.store.write(lambda tx: lose(tx, key, 0, 60, now))  # noqa: B023
        many = [NewEvent(kind=EventKind.STATUS_DELIVERED, at=now) for _ in range(1500)]
        await world.store.write(lambda tx: tx.events.append(many))  # noqa: B023
        await watch_of(world).seal_ended_logs()
        assert (await world.logs.size(key)).sealed


async def lost_elsewhere(world: World, watch: Watch) -> AttemptKey:
    """An attempt that `watch` knew as live, and somebody else ended."""
    await world.planned({"build": ""})
    claim = await (await world.runner()).claim(a_token(), 0)
    assert claim is not None
    await watch.seal_ended_logs()
    key, now = claim.lease.attempt, world.clock.now()
    await world.store.write(lambda tx: lose(tx, key, 0, 60, now))
    return key


async def test_a_log_that_could_not_be_sealed_is_not_forgotten_by_the_next_server(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_key: AttemptKey) -> LogSize:
        raise NoRoom("the disk is full")

    watch = watch_of(world)
    key, now = await lost_elsewhere(world, watch), world.clock.now()
    many = [NewEvent(kind=EventKind.STATUS_DELIVERED, at=now) for _ in range(1500)]
    await world.store.write(lambda tx: tx.events.append(many))
    with monkeypatch.context() as patch:
        patch.setattr(world.logs, "seal", broken)
        await watch.seal_ended_logs()
    await watch_of(world).seal_ended_logs()
    assert (await world.logs.size(key)).sealed


async def test_a_log_whose_attempt_another_server_ended_ends_here_too(world: World) -> None:
    watch = watch_of(world)
    key = await lost_elsewhere(world, watch)
    await watch.seal_ended_logs()
    assert (await world.logs.size(key)).sealed
