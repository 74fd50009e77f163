"""What does not happen is noticed by counting, not by the wall clock."""

from datetime import timedelta

from flowforge.model.status import Cause, Status
from flowforge.services.runners import Runners
from flowforge.services.watch import Patience, Stillness, Watch, lose
from tests.unit.services.world import World

PATIENCE = Patience(lease=60, engine=600)


def watch_of(world: World) -> Watch:
    return Watch(world.store, world.logs, world.bell, world.clock, PATIENCE)


def test_stillness_counts_from_the_last_change() -> None:
    still = Stillness()
    assert still.of("x", {"a": 1}, 100.0) == {"a": 0.0}
    assert still.of("x", {"a": 1, "b": 1}, 130.0) == {"a": 30.0, "b": 0.0}
    assert still.of("x", {"a": 2, "b": 1}, 140.0) == {"a": 0.0, "b": 10.0}
    assert still.of("y", {"a": 2}, 140.0) == {"a": 0.0}


def test_what_is_not_named_any_more_is_forgotten() -> None:
    still = Stillness()
    still.of("x", {"a": 1}, 100.0)
    assert still.of("x", {}, 110.0) == {}
    assert still.of("x", {"a": 1}, 120.0) == {"a": 0.0}


async def test_an_attempt_that_is_not_renewed_is_lost_and_tried_again(world: World) -> None:
    run_id = await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    first = await link.claim(0)
    await watch.end_lost_attempts()
    world.clock.tick(61)
    await watch.end_lost_attempts()
    second = await link.claim(0)
    assert first is not None
    assert second is not None
    assert second.lease.attempt.number == 2
    assert (await link.renew([first.lease], 0)).lost == {first.lease.attempt}
    assert (await world.run(run_id)).status is Status.RUNNING


async def test_a_renewed_attempt_lives_on(world: World) -> None:
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(0)
    assert claim is not None
    for _ in range(10):
        await watch.end_lost_attempts()
        world.clock.tick(50)
        await link.renew([claim.lease], 0)
    assert (await link.renew([claim.lease], 0)).lost == frozenset()


async def test_no_clock_jump_takes_a_live_job_away(world: World) -> None:
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(0)
    assert claim is not None
    await watch.end_lost_attempts()
    for seconds in (timedelta(days=365), timedelta(days=-700)):
        world.clock.jump(seconds.total_seconds())
        await watch.end_lost_attempts()
    assert (await link.renew([claim.lease], 0)).lost == frozenset()


async def test_a_server_that_was_away_gives_every_lease_its_full_time(world: World) -> None:
    await world.planned({"build": ""})
    link = await world.runner()
    claim = await link.claim(0)
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
    world.clock.tick(601)
    await watch.end_unserved_jobs()
    run = await world.run(run_id)
    assert (run.status, run.cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)
    assert "no container engine answers" in run.reason


async def test_a_job_waits_as_long_as_a_busy_runner_lives(world: World) -> None:
    run_id = await world.planned({"build": "", "lint": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(0)
    assert claim is not None
    for _ in range(30):
        await link.renew([claim.lease], 0)
        await watch.end_unserved_jobs()
        world.clock.tick(50)
    assert await world.statuses(run_id) == {"build": "running", "lint": "pending"}


async def test_the_log_of_a_lost_attempt_ends(world: World) -> None:
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(0)
    assert claim is not None
    await link.append_log(claim.lease, 0, b"half a li")
    await watch.end_lost_attempts()
    world.clock.tick(61)
    await watch.end_lost_attempts()
    assert (await world.logs.size(claim.lease.attempt)).sealed


async def test_a_log_that_an_earlier_server_left_open_ends(world: World) -> None:
    await world.planned({"build": "", "lint": ""})
    link = await world.runner()
    over, going = await link.claim(0), await link.claim(0)
    assert over is not None
    assert going is not None
    key, now = over.lease.attempt, world.clock.now()
    await world.store.write(lambda tx: lose(tx, key, 0, 60, now))
    await watch_of(world).seal_ended_logs()
    assert (await world.logs.size(key)).sealed
    assert not (await world.logs.size(going.lease.attempt)).sealed


async def test_a_log_whose_attempt_another_server_ended_ends_here_too(world: World) -> None:
    await world.planned({"build": ""})
    link, watch = await world.runner(), watch_of(world)
    claim = await link.claim(0)
    assert claim is not None
    await watch.seal_ended_logs()
    key, now = claim.lease.attempt, world.clock.now()
    await world.store.write(lambda tx: lose(tx, key, 0, 60, now))
    await watch.seal_ended_logs()
    assert (await world.logs.size(key)).sealed
