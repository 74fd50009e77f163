"""A PostgreSQL that goes away and comes back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import make_url

from flowforge.adapters.store import SqlStore, open_store
from flowforge.errors import StoreUnavailable
from flowforge.ports import Tx
from tests.contract.store.things import add_runs, event, run
from tests.postgres import Cluster


@pytest.fixture
def database(postgres_cluster: Cluster) -> str:
    return postgres_cluster.database()


@pytest.fixture
async def pg_store(database: str) -> AsyncIterator[SqlStore]:
    store = open_store(database, patience=30.0)
    yield store
    await store.close()


@contextmanager
def operator(cluster: Cluster, url: str = "") -> Iterator[psycopg.Connection]:
    name = make_url(url).database if url else None
    with psycopg.connect(cluster.address(name or "postgres"), autocommit=True) as connection:
        yield connection


async def test_a_write_waits_for_a_server_that_restarts(
    postgres_cluster: Cluster, pg_store: SqlStore
) -> None:
    await pg_store.write(lambda tx: tx.events.append([event("before")]))
    await pg_store.read(lambda tx: tx.events.last())
    postgres_cluster.stop()
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(pg_store.write(lambda tx: tx.events.append([event("during")])))
        reading = tasks.create_task(pg_store.read(lambda tx: tx.events.since(0, 1)))
        await asyncio.sleep(0)
        await asyncio.to_thread(postgres_cluster.start)
    assert writing.exception() is None
    assert [e.status for e in reading.result()] == ["before"]
    found = await pg_store.read(lambda tx: tx.events.since(0, 9))
    assert [e.status for e in found] == ["before", "during"]


async def test_a_server_that_stays_away_is_an_error_after_the_patience(
    postgres_cluster: Cluster, database: str
) -> None:
    store = open_store(database, patience=0.3)
    postgres_cluster.stop()
    try:
        with pytest.raises(StoreUnavailable):
            await store.write(lambda tx: tx.events.append([event()]))
        with pytest.raises(StoreUnavailable):
            await store.read(lambda tx: tx.events.last())
        with pytest.raises(StoreUnavailable):
            open_store(database, patience=0.3)
    finally:
        postgres_cluster.start()
    await store.write(lambda tx: tx.events.append([event("after")]))
    assert await store.read(lambda tx: tx.events.last()) == 1
    await store.close()


async def test_a_connection_that_is_ended_costs_nothing(
    postgres_cluster: Cluster, database: str, pg_store: SqlStore
) -> None:
    for n in range(3):
        await pg_store.write(lambda tx, n=n: tx.events.append([event(str(n))]))
        await pg_store.read(lambda tx: tx.events.last())
        with operator(postgres_cluster, database) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    assert await pg_store.read(lambda tx: tx.events.last()) == 3


@contextmanager
def commits_that_wait(cluster: Cluster) -> Iterator[None]:
    """A transaction is committed and its client is not told: the server waits for a standby that does not exist."""
    with operator(cluster) as connection:
        try:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            connection.execute("SELECT pg_reload_conf()")
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")


async def end_waiting_commit(connection: psycopg.Connection) -> None:
    async with asyncio.timeout(30):
        while not connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        ).fetchall():
            await asyncio.sleep(0.01)


async def test_a_commit_whose_answer_is_lost_is_found_to_be_done(
    postgres_cluster: Cluster, database: str, pg_store: SqlStore
) -> None:
    await pg_store.write(lambda tx: tx.events.append([event("first")]))
    times = 0

    def work(tx: Tx) -> str:
        nonlocal times
        times += 1
        tx.events.append([event("once")])
        return "told"

    with operator(postgres_cluster, database) as connection, commits_that_wait(postgres_cluster):
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(pg_store.write(work))
            await end_waiting_commit(connection)
    assert (writing.result(), times) == ("told", 1)
    found = await pg_store.read(lambda tx: tx.events.since(0, 9))
    assert [e.status for e in found] == ["first", "once"]


async def test_two_servers_that_hold_the_same_runs_in_opposite_order_do_not_deadlock(database: str) -> None:
    stores = [open_store(database), open_store(database)]
    await stores[0].write(lambda tx: add_runs(tx, run(1), run(2)))

    def mark(first: int, second: int, tx: Tx) -> None:
        for id in (first, second):  # noqa: A001
            held = tx.runs.hold(id)
            assert held is not None
            tx.runs.save(replace(held, attempt=held.attempt + 1))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(40):
            tasks.create_task(stores[0].write(lambda tx: mark(1, 2, tx)))
            tasks.create_task(stores[1].write(lambda tx: mark(2, 1, tx)))
    for store in stores:
        assert [r.attempt for r in await store.read(lambda tx: tx.runs.newest(2))] == [81, 81]
        await store.close()
