from dataclasses import replace

import pytest

from flowforge.errors import Conflict, NotFound
from flowforge.model.pipeline_config import OnFailure
from flowforge.model.status import Cause, Status
from flowforge.ports import Store
from tests.contract.store.things import add_runs, later, run, trigger

FULL = run(
    pipeline_id=3,
    status=Status.FAILURE,
    cause=Cause.TIMEOUT,
    reason="too long",
    on_failure=OnFailure.CONTINUE,
    delivery_id=4,
    rerun_of=5,
    attempt=2,
    config_path=".flowforge/ci.yml",
    config_text="jobs: {}\n",
    config_digest="d1",
    planned_at=later(1),
    started_at=later(2.000001),
    finished_at=later(3),
)


async def test_a_run_comes_back_as_it_was_added(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, FULL, run(2)))
    assert await store.read(lambda tx: tx.runs.get(1)) == FULL
    assert await store.read(lambda tx: tx.runs.get(2)) == run(2)
    assert await store.read(lambda tx: tx.runs.get(3)) is None


async def test_saving_replaces_the_row(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run()))
    await store.write(lambda tx: tx.runs.save(FULL))
    assert await store.read(lambda tx: tx.runs.get(1)) == FULL


async def test_the_text_of_a_config_is_never_lost_to_a_row_of_a_list(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, FULL))
    (listed,) = await store.read(lambda tx: tx.runs.newest(1))
    await store.write(lambda tx: tx.runs.save(replace(listed, reason="another")))
    assert await store.read(lambda tx: tx.runs.get(1)) == replace(FULL, reason="another")


async def test_a_run_that_is_not_there_cannot_be_saved(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.write(lambda tx: tx.runs.save(run(9)))


async def test_a_held_run_is_read_and_can_be_saved(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run()))

    def finish(tx):  # type: ignore[no-untyped-def]
        held = tx.runs.hold(1)
        tx.runs.save(replace(held, status=Status.SUCCESS))

    await store.write(finish)
    assert (await store.read(lambda tx: tx.runs.hold(1))).status is Status.SUCCESS
    assert await store.write(lambda tx: tx.runs.hold(2)) is None


async def test_a_number_of_a_project_is_one_run(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run(1)))
    with pytest.raises(Conflict):
        await store.write(lambda tx: add_runs(tx, run(2, number=1)))


async def test_a_run_belongs_to_a_project(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.runs.add([run()]))


async def test_runs_are_listed_newest_first_without_their_config(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, *(run(n, config_text="x") for n in range(1, 6))))
    first = await store.read(lambda tx: tx.runs.newest(3))
    rest = await store.read(lambda tx: tx.runs.newest(3, after=first[-1].id))
    assert [r.id for r in (*first, *rest)] == [5, 4, 3, 2, 1]
    assert {r.config_text for r in first} == {""}


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"project_id": 2}, [6, 4, 2]),
        ({"branch": "dev"}, [6, 3]),
        ({"status": "failure"}, [6, 5]),
        ({"project_id": 2, "branch": "dev"}, [6]),
        ({"project_id": 1, "branch": "main", "status": "failure"}, [5]),
        ({"project_id": 2, "after": 6}, [4, 2]),
        ({"branch": "never"}, []),
    ],
)
async def test_a_list_is_narrowed_by_each_filter(store: Store, filters, ids) -> None:  # type: ignore[no-untyped-def]
    rows = [
        run(
            n,
            project_id=2 if n % 2 == 0 else 1,
            trigger=trigger(branch="dev" if n % 3 == 0 else "main"),
            status=Status.FAILURE if n > 4 else Status.SUCCESS,
        )
        for n in range(1, 7)
    ]
    await store.write(lambda tx: add_runs(tx, *rows))
    assert [r.id for r in await store.read(lambda tx: tx.runs.newest(50, **filters))] == ids


async def test_a_limit_outside_any_column_is_just_a_large_one(store: Store) -> None:
    await store.write(lambda tx: add_runs(tx, run()))
    assert len(await store.read(lambda tx: tx.runs.newest(50, after=10**30))) == 1
    assert await store.read(lambda tx: tx.runs.get(10**30)) is None


async def test_runs_under_way_are_those_that_are_not_over(store: Store) -> None:
    planned = {"planned_at": later(1)}
    rows = (
        run(1),
        run(2, status=Status.CANCELLED),
        run(3, status=Status.RUNNING, **planned),
        run(4, status=Status.SUCCESS, **planned),
        run(5, status=Status.PENDING, **planned),
        run(6, status=Status.UNKNOWN),
    )
    await store.write(lambda tx: add_runs(tx, *rows))
    assert list(await store.read(lambda tx: tx.runs.unplanned())) == [1, 6]
    assert list(await store.read(lambda tx: tx.runs.open())) == [3, 5]


async def test_a_project_with_many_runs_to_plan_hides_no_others(store: Store) -> None:
    rows = (run(1), run(2), run(3), run(4, project_id=2))
    await store.write(lambda tx: add_runs(tx, *rows))
    origin = "https://forge.example"
    found = await store.read(lambda tx: tx.runs.unplanned(2))
    assert list(found.items()) == [(1, origin), (2, origin), (4, origin)]
