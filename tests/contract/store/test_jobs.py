from dataclasses import replace

import pytest

from flowforge.errors import Conflict, NotFound
from flowforge.model.job_spec import Clone
from flowforge.model.job_terms import JobTerms
from flowforge.model.lane import Lane
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.secret_ref import SecretRef
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Checkout, Script, When
from flowforge.model.trigger import PullRequest
from flowforge.ports import Store, Tx
from tests.contract.store.things import add_runs, attempt, job, later, run, trigger

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


async def test_jobs_wait_in_lanes_of_project_trust_and_labels(store: Store) -> None:
    big = JobTerms(labels=("linux", "big"))
    fork = PullRequest(number=1, target="main", fork=True)
    rows = [
        job(1, 1, ready=True, ready_at=later(3)),
        job(2, 1, ready=True, ready_at=later(1), terms=big),
        job(3, 2, ready=True, ready_at=later(2), terms=replace(big, labels=("big", "linux", "big"))),
        job(4, 3, ready=True, ready_at=later(0)),
        job(5, 3, ready=False),
        job(6, 1, ready=True, ready_at=later(1)),
    ]
    runs = (run(1), run(2, project_id=2), run(3, project_id=2, trigger=trigger(pull_request=fork)))
    await store.write(lambda tx: add_runs(tx, *runs))
    await store.write(lambda tx: tx.jobs.add(rows))
    lanes = [
        Lane(project_id=1),
        Lane(project_id=1, labels=("big", "linux")),
        Lane(project_id=2, trusted=False),
        Lane(project_id=2, labels=("big", "linux")),
    ]
    assert await store.read(lambda tx: sorted(tx.jobs.lanes(), key=Lane.text)) == sorted(lanes, key=Lane.text)
    found = [await store.read(lambda tx, lane=lane: tx.jobs.ready(9, lane)) for lane in lanes]  # type: ignore[misc]
    assert [[one.id for one in lane] for lane in found] == [[6, 1], [2], [4], [3]]
    await store.write(lambda tx: tx.jobs.save(replace(rows[3], status=Status.RUNNING, ready=False)))
    assert lanes[2] not in await store.read(lambda tx: tx.jobs.lanes())
    assert [one.id for one in await store.write(lambda tx: tx.jobs.ready(1, lanes[1]))] == [2]


async def test_no_lane_where_nothing_waits(store: Store) -> None:
    assert not await store.read(lambda tx: tx.jobs.lanes())
    assert not await store.read(lambda tx: tx.jobs.running())


async def test_running_attempts_are_counted_by_project(store: Store) -> None:
    def fill(tx: Tx) -> None:
        add_runs(tx, run(1), run(2, project_id=2))
        tx.jobs.add([job(1, 1), job(2, 2), job(3, 2)])
        for one in (attempt(1, 1), attempt(1, 2, run_id=2), attempt(1, 3, run_id=2, status=Status.FAILURE)):
            tx.attempts.add(one)
        tx.attempts.add(attempt(2, 3, run_id=2))

    await store.write(fill)
    assert await store.read(lambda tx: dict(tx.jobs.running())) == {1: 1, 2: 2}
