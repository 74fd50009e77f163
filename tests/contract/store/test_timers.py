"""Timers, and pipelines that follow others."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flowforge.errors import Conflict
from flowforge.model.inputs import InputSpec, InputType
from flowforge.model.schedule import Schedule, Timer, Upstream
from flowforge.ports import Store, Tx
from tests.contract.store.things import later, pipeline, project

NIGHTLY = Schedule(
    name="nightly", cron="0 3 * * *", zone="Europe/Berlin", branches=("main",), inputs={"a": 1}
)
HOURLY = Schedule(name="hourly", cron="@hourly")


def timer(schedule: Schedule, seconds: float, pipeline_id: int = 1) -> Timer:
    return Timer(pipeline_id=pipeline_id, project_id=1, schedule=schedule, next_at=later(seconds))


@pytest.fixture
async def stocked(store: Store) -> Store:
    def stock(tx: Tx) -> None:
        tx.projects.save(project())
        tx.pipelines.save(pipeline(1))
        tx.pipelines.save(pipeline(2))

    await store.write(stock)
    return store


async def test_a_timer_that_comes_no_more_is_gone_and_no_other_is(stocked: Store) -> None:
    def fill(tx: Tx) -> None:
        tx.timers.replace(1, [timer(NIGHTLY, 30), timer(HOURLY, 10)])
        tx.timers.replace(2, [timer(HOURLY, 20, 2)])

    await stocked.write(fill)
    for _ in range(2):
        await stocked.write(lambda tx: tx.timers.drop(timer(HOURLY, 10)))
    left = await stocked.read(lambda tx: tx.timers.due(later(60), 10))
    assert [(each.pipeline_id, each.schedule.name) for each in left] == [(2, "hourly"), (1, "nightly")]


async def test_timers_are_due_earliest_first(stocked: Store) -> None:
    def fill(tx: Tx) -> None:
        tx.timers.replace(1, [timer(NIGHTLY, 30), timer(HOURLY, 10)])
        tx.timers.replace(2, [timer(HOURLY, 20, 2)])

    await stocked.write(fill)
    ever = await stocked.write(lambda tx: tx.timers.due(datetime.max.replace(tzinfo=UTC), 100_000))
    assert [each.next_at for each in ever] == [later(10), later(20), later(30)]
    due = await stocked.write(lambda tx: tx.timers.due(later(25), 10))
    assert list(due) == [timer(HOURLY, 10), timer(HOURLY, 20, 2)]
    assert list(await stocked.read(lambda tx: tx.timers.due(later(99), 1))) == [timer(HOURLY, 10)]
    assert await stocked.read(lambda tx: tx.timers.next_at()) == later(10)


async def test_replacing_keeps_the_time_of_a_schedule_that_stayed(stocked: Store) -> None:
    await stocked.write(lambda tx: tx.timers.replace(1, [timer(NIGHTLY, 30), timer(HOURLY, 10)]))
    changed = replace(HOURLY, cron="30 * * * *")
    await stocked.write(lambda tx: tx.timers.replace(1, [timer(NIGHTLY, 77), timer(changed, 88)]))
    kept = await stocked.read(lambda tx: tx.timers.due(later(99), 9))
    assert list(kept) == [timer(NIGHTLY, 30), timer(changed, 88)]
    await stocked.write(lambda tx: tx.timers.replace(1, []))
    assert await stocked.read(lambda tx: tx.timers.next_at()) is None


async def test_a_timer_is_saved_only_while_it_is_there(stocked: Store) -> None:
    await stocked.write(lambda tx: tx.timers.replace(1, [timer(HOURLY, 10)]))
    await stocked.write(lambda tx: tx.timers.save(timer(HOURLY, 50)))
    await stocked.write(lambda tx: tx.timers.save(timer(NIGHTLY, 60)))
    assert list(await stocked.read(lambda tx: tx.timers.due(later(99), 9))) == [timer(HOURLY, 50)]


async def test_a_timer_belongs_to_a_pipeline(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.timers.replace(7, [timer(HOURLY, 1, 7)]))


async def test_pipelines_that_follow_others_are_found(stocked: Store) -> None:
    inputs = (InputSpec(name="place", type=InputType.ENUM, default="here", options=("here", "there")),)
    following = pipeline(2, inputs=inputs, upstreams=(Upstream(project="octo/lib"),), defined_by=9)
    await stocked.write(lambda tx: tx.pipelines.save(following))
    assert list(await stocked.read(lambda tx: tx.pipelines.following())) == [following]
    await stocked.write(lambda tx: tx.pipelines.save(pipeline(2)))
    assert not await stocked.read(lambda tx: tx.pipelines.following())
