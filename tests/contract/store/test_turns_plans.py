"""What is over costs nothing to those who ask whose turn it is: they ask inside the one writer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from flowforge.adapters.store import SqlStore
from flowforge.model.job_terms import JobTerms
from flowforge.ports import Tx
from tests.contract.store.things import add_runs, job, later, run

UNIT = JobTerms(serial_group="prod", serial_unit="deploy")


@contextmanager
def listening() -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is carried out inside, with its values."""
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        heard.append((statement, values))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def plan_of(url: str, statement: str, values: Any) -> str:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", values).all()
        else:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    engine.dispose()
    return "\n".join(str(row[-1]) for row in rows)


CASES: dict[str, tuple[Callable[[Tx], Any], list[str]]] = {
    "the runs of a group": (lambda tx: tx.turns.runs(1, "deploy"), ["ix_runs_line"]),
    "the newest of a group": (lambda tx: tx.turns.newest_run(1, "deploy"), ["ix_runs_group"]),
    "the jobs of a group": (lambda tx: tx.turns.jobs(1, "prod"), ["ix_jobs_serial", "ix_jobs_run_id_id"]),
}


@pytest.mark.parametrize("name", CASES)
async def test_an_index_of_what_is_not_over_is_used(sql_store: SqlStore, url: str, name: str) -> None:
    ask, indexes = CASES[name]
    await sql_store.write(lambda tx: add_runs(tx, run(group="deploy", planned_at=later(1))))
    await sql_store.write(lambda tx: tx.jobs.add([job(1, terms=UNIT, ready_at=later(1))]))
    with listening() as heard:
        await sql_store.read(ask)
    asked = [each for each in heard if "FROM jobs" in each[0] or "FROM runs" in each[0]]
    plans = [plan_of(url, *each) for each in asked]
    assert len(plans) == len(indexes)
    assert [index for plan, index in zip(plans, indexes, strict=True) if index not in plan] == [], plans
