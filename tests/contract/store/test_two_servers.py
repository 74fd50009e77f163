"""What two servers on one PostgreSQL do at the same time is done once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from flowforge.adapters.store import SqlStore, open_store
from flowforge.engine.state import CancelAsked
from flowforge.model.schedule import Schedule, Timer, Upstream
from flowforge.ports import Tx
from flowforge.services.follow import follow
from flowforge.services.progress import move_run
from flowforge.services.timetable import start_due
from tests.contract.store.things import later, pipeline, project, run
from tests.postgres import Cluster

ENDED = 20
HOURLY = Schedule(name="hourly", cron="@hourly")


@pytest.fixture
async def servers(postgres_cluster: Cluster) -> AsyncIterator[tuple[SqlStore, SqlStore]]:
    url = postgres_cluster.database()
    first, second = open_store(url), open_store(url)
    yield first, second
    await first.close()
    await second.close()


def stock(tx: Tx) -> None:
    tx.projects.save(project(last_number=ENDED))
    tx.pipelines.save(pipeline(upstreams=(Upstream(statuses=("cancelled",)),)))
    tx.take_ids("runs", ENDED)
    tx.runs.add([run(number) for number in range(1, ENDED + 1)])
    for number in range(1, ENDED + 1):
        move_run(tx, number, CancelAsked(reason="enough"), later(0))


async def started(store: SqlStore) -> list[int | None]:
    runs = await store.read(lambda tx: tx.runs.newest(1000))
    return sorted(found.trigger.caused_by or 0 for found in runs if found.id > ENDED)


async def test_a_run_that_ended_is_followed_once(servers: tuple[SqlStore, SqlStore]) -> None:
    await servers[0].write(stock)
    await asyncio.gather(*(server.write(lambda tx: follow(tx, later(1))) for server in servers))
    assert await started(servers[0]) == list(range(1, ENDED + 1))


async def test_what_is_due_is_started_once(servers: tuple[SqlStore, SqlStore]) -> None:
    def due(tx: Tx) -> None:
        stock(tx)
        tx.timers.replace(1, [Timer(pipeline_id=1, project_id=1, schedule=HOURLY, next_at=later(0))])

    await servers[0].write(due)
    await asyncio.gather(*(server.write(lambda tx: start_due(tx, later(1))) for server in servers))
    assert len(await started(servers[0])) == 1
