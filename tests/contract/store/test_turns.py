"""Groups, and who of them goes next."""

from flowforge.model.job_terms import JobTerms
from flowforge.model.run import Gate
from flowforge.model.status import Status
from flowforge.ports import Store
from tests.contract.store.things import add_runs, job, later, run

SERIAL = JobTerms(serial_group="prod")


async def test_runs_of_a_group_stand_in_line_by_age(store: Store) -> None:
    rows = [
        run(4, group="deploy", planned_at=later(1), gate=Gate.TURN, config_text="jobs: {}"),
        run(1, group="deploy", planned_at=later(2)),
        run(2, group="deploy", planned_at=later(1), status=Status.SUCCESS),
        run(3, group="deploy"),
        run(5, group="deploy", planned_at=later(1), gate=Gate.APPROVAL, status=Status.WAITING),
        run(6, group="docs", planned_at=later(1)),
        run(7, planned_at=later(1)),
        run(8, group="deploy", planned_at=later(1), project_id=2),
    ]
    await store.write(lambda tx: add_runs(tx, *rows))
    for ask in (store.read, store.write):
        found = await ask(lambda tx: tx.turns.runs(1, "deploy"))
        assert [(each.id, each.gate, each.config_text) for each in found] == [
            (1, Gate.OPEN, ""),
            (4, Gate.TURN, ""),
        ]
    assert not await store.read(lambda tx: tx.turns.runs(1, ""))


async def test_the_newest_of_a_group_counts_though_it_is_over_but_not_if_it_was_skipped(store: Store) -> None:
    rows = [
        run(1, group="deploy", planned_at=later(1)),
        run(2, group="deploy", planned_at=later(1), status=Status.SUCCESS),
        run(3, group="deploy", planned_at=later(1), status=Status.SKIPPED),
        run(4, group="deploy"),
        run(5, group="deploy", planned_at=later(1), gate=Gate.APPROVAL),
    ]
    await store.write(lambda tx: add_runs(tx, *rows))
    assert await store.write(lambda tx: tx.turns.newest_run(1, "deploy")) == 2
    assert await store.read(lambda tx: tx.turns.newest_run(1, "none")) == 0


async def test_jobs_of_a_serial_group_stand_in_line_by_how_long_they_wait(store: Store) -> None:
    rows = [
        job(1, terms=SERIAL, ready_at=later(3)),
        job(2, terms=SERIAL, ready_at=later(1), status=Status.RUNNING),
        job(3, terms=SERIAL),
        job(4, terms=SERIAL, ready_at=later(1), status=Status.SUCCESS),
        job(5, ready_at=later(1)),
        job(6, 2, terms=SERIAL, ready_at=later(1)),
    ]
    await store.write(lambda tx: add_runs(tx, run(), run(2, organisation_id=9)))
    await store.write(lambda tx: tx.jobs.add(rows))
    for ask in (store.read, store.write):
        assert [each.id for each in await ask(lambda tx: tx.turns.jobs(1, "prod"))] == [2, 1]
    assert not await store.read(lambda tx: tx.turns.jobs(1, ""))


async def test_all_of_a_unit_stand_in_the_line_while_one_of_them_is_to_come(store: Store) -> None:
    unit = JobTerms(serial_group="prod", serial_unit="deploy")
    rows = [
        job(1, terms=unit, ready_at=later(1), status=Status.SUCCESS, attempt=1),
        job(2, terms=unit),
        job(3, 2, terms=unit, ready_at=later(1), status=Status.SUCCESS, attempt=1),
        job(4, terms=SERIAL, status=Status.SUCCESS),
        job(5, 3, terms=unit, ready_at=later(1), status=Status.FAILURE, attempt=1),
    ]
    over = run(2, status=Status.SUCCESS)
    await store.write(lambda tx: add_runs(tx, run(), over, run(3)))
    await store.write(lambda tx: tx.jobs.add(rows))
    found = await store.read(lambda tx: tx.turns.jobs(1, "prod"))
    assert {each.id: each.terms for each in found} == {1: unit, 2: unit}


async def test_a_job_is_due_once_its_pause_is_over(store: Store) -> None:
    rows = [
        job(1, attempt=1, ready_at=later(30)),
        job(2, attempt=1, ready_at=later(20)),
        job(3, attempt=1, ready_at=later(10), ready=True),
        job(4, attempt=0, ready_at=later(10)),
        job(5, attempt=1, ready_at=later(10), status=Status.RUNNING),
    ]
    await store.write(lambda tx: add_runs(tx, run()))
    await store.write(lambda tx: tx.jobs.add(rows))
    assert [each.id for each in await store.read(lambda tx: tx.turns.due(later(29), 9))] == [2]
    assert [each.id for each in await store.read(lambda tx: tx.turns.due(later(30), 9))] == [2, 1]
    assert [each.id for each in await store.read(lambda tx: tx.turns.due(later(30), 1))] == [2]


async def test_a_gate_and_what_a_run_supersedes_come_back(store: Store) -> None:
    row = run(gate=Gate.TURN, supersedes=True, group="deploy", planned_at=later(1))
    await store.write(lambda tx: add_runs(tx, row))
    assert await store.read(lambda tx: tx.runs.get(1)) == row
