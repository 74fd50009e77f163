from dataclasses import replace

import pytest

from flowforge.errors import Conflict, NotFound
from flowforge.model.job_spec import Clone
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.secret_ref import SecretRef
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Checkout, Script, When
from flowforge.ports import Store
from tests.contract.store.things import add_runs, job, later, run

ORDER = JobOrder(
    key="build",
    name="Build it",
    image="debian",
    source=Source(origin="https://forge.example/x.git", commit="c0ffee", ref="refs/heads/main"),
    clone=Clone.BY_STEP,
    secrets=(SecretRef(name="TOKEN"),),
    timeout=12.5,
    steps=(
        StepOrder(index=0, name="get", do=Checkout()),
        StepOrder(index=1, name="get elsewhere", do=Checkout(path="sub")),
        StepOrder(
            index=2,
            name="make",
            do=Script(text="make\x00\n\u20ac", shell=("/bin/sh", "-e")),
            when=When.ALWAYS,
            env={"A": "1", "B": "\x00"},
            working_directory="sub",
            timeout=1,
            silence_timeout=0.5,
        ),
        StepOrder(index=3, name="nothing", do=Script(text="")),
    ),
)

FULL = job(
    needs=("a", "b"),
    order=ORDER,
    image="debian",
    status=Status.FAILURE,
    cause=Cause.OOM,
    reason="memory",
    ready=True,
    stopping=True,
    attempt=3,
    runner="runner-1",
    ready_at=later(1),
    started_at=later(2),
    finished_at=later(3),
)


async def test_a_job_comes_back_with_its_whole_order(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run()))
    await store.write(lambda tx: tx.jobs.add([FULL, job(2)]))
    assert await store.read(lambda tx: tx.jobs.get(1)) == FULL
    assert await store.read(lambda tx: tx.jobs.get(2)) == job(2)
    assert await store.read(lambda tx: tx.jobs.get(3)) is None


async def test_saving_a_job_leaves_its_order_alone(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run()))
    await store.write(lambda tx: tx.jobs.add([FULL]))
    await store.write(lambda tx: tx.jobs.save(job(status=Status.SUCCESS, order=None)))
    assert await store.read(lambda tx: tx.jobs.get(1)) == job(status=Status.SUCCESS, order=ORDER)


async def test_a_job_that_is_not_there_cannot_be_saved(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.write(lambda tx: tx.jobs.save(job(9)))


async def test_a_job_belongs_to_a_run(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.jobs.add([job()]))


async def test_jobs_come_in_plan_order_run_by_run_without_their_orders(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run(1), run(2), run(3)))
    await store.write(lambda tx: tx.jobs.add([job(4, 1, order=ORDER), job(1, 2), job(3, 1), job(2, 3)]))
    assert await store.read(lambda tx: tx.jobs.of({2, 1})) == [job(3, 1), job(4, 1), job(1, 2)]
    assert not await store.read(lambda tx: tx.jobs.of(()))


async def test_ready_jobs_come_oldest_first(store: Store) -> None:
    rows = [
        job(1, ready=True, ready_at=later(3)),
        job(2, ready=True, ready_at=later(1)),
        job(3, ready=False, ready_at=later(0)),
        job(4, ready=True, ready_at=later(0), status=Status.RUNNING),
        job(5, ready=True, ready_at=later(1)),
    ]
    await store.write(lambda tx: add_runs(tx, run()))
    await store.write(lambda tx: tx.jobs.add(rows))
    assert [j.id for j in await store.read(lambda tx: tx.jobs.ready(9))] == [2, 5, 1]
    assert [j.id for j in await store.write(lambda tx: tx.jobs.ready(1))] == [2]


async def test_a_claimed_job_is_ready_no_more(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run()))
    await store.write(lambda tx: tx.jobs.add([job(ready=True, ready_at=later(1))]))

    def claim(tx):  # type: ignore[no-untyped-def]
        (found,) = tx.jobs.ready(1)
        tx.jobs.save(replace(found, status=Status.RUNNING, ready=False, attempt=1))

    await store.write(claim)
    assert not await store.read(lambda tx: tx.jobs.ready(1))
