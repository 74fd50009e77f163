"""The jobs of a run that bear on one of them."""

import pytest

from flowforge.model.job_run import Standing
from flowforge.model.status import Status
from flowforge.ports import Store
from tests.contract.store.things import add_runs, job, later, run

WAITS = Standing(Status.PENDING, ready=False, stopping=False, met=False)


async def test_a_job_is_found_by_its_key_without_its_order(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run(1), run(2)))
    await store.write(lambda tx: tx.jobs.add([job(1, 1, key="a"), job(2, 2, key="a")]))
    assert await store.read(lambda tx: tx.neighbours.job(2, "a")) == job(2, 2, key="a")
    assert await store.read(lambda tx: tx.neighbours.job(2, "b")) is None


@pytest.mark.parametrize("key", ["build", "100%", "a_b", 'say "hi"', "größer", "a!b", "back\\slash"])
async def test_what_a_job_blocks_is_found_whatever_its_name(store: Store, key: str) -> None:
    rows = [
        job(1, key=key),
        job(2, needs=("other", key)),
        job(3, needs=(key,)),
        job(4, needs=(key + "x", "x" + key, key.upper() + "X")),
        job(5, needs=(key,), status=Status.SKIPPED),
        job(6, needs=(key,), ready=True, ready_at=later(1)),
        job(7, needs=(key,), ready_at=later(1)),
        job(8, 2, needs=(key,)),
    ]
    await store.write(lambda tx: add_runs(tx, run(1), run(2)))
    await store.write(lambda tx: tx.jobs.add(rows))
    assert [each.id for each in await store.read(lambda tx: tx.neighbours.blocked_by(1, key))] == [2, 3]


async def test_each_way_to_stand_is_told_once_and_what_is_over_not_at_all(store: Store) -> None:
    rows = [
        job(1, key="me", ready=True, ready_at=later(1)),
        job(2, key="a"),
        job(3, key="b"),
        job(4, key="c", status=Status.RUNNING, stopping=True, ready_at=later(1)),
        job(5, key="d", status=Status.SUCCESS, ready_at=later(1)),
        job(6, 2, key="e", status=Status.WAITING),
    ]
    await store.write(lambda tx: add_runs(tx, run(1), run(2)))
    await store.write(lambda tx: tx.jobs.add(rows))
    stopping = Standing(Status.RUNNING, ready=False, stopping=True, met=True)
    assert set(await store.read(lambda tx: tx.neighbours.standings(1, "me"))) == {WAITS, stopping}
    assert set(await store.read(lambda tx: tx.neighbours.open(1))) == {"me", "a", "b", "c"}
