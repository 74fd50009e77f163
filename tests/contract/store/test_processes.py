"""Several processes on one database, some of which die."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from itertools import pairwise

from flowforge.adapters.store import SqlStore, open_store
from tests.postgres import Cluster

ENDLESS = 1_000_000


async def start_writer(url: str, name: str, count: int) -> Process:
    module = "tests.contract.store.writing_process"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, url, name, str(count), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


async def let_go(writers: list[Process]) -> None:
    """All of them at the same time, once each has opened the store."""
    for writer in writers:
        assert writer.stdout is not None
        assert await writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()


async def statuses(store: SqlStore) -> list[str]:
    found = await store.read(lambda tx: tx.events.since(0, ENDLESS))
    assert [e.id for e in found] == list(range(1, len(found) + 1))
    return [e.status for e in found]


async def test_what_was_acknowledged_outlives_kill_9(url: str) -> None:
    writer = await start_writer(url, "w", ENDLESS)
    await let_go([writer])
    assert writer.stdout is not None
    told = [await writer.stdout.readline() for _ in range(300)]
    writer.kill()
    told += (await writer.stdout.read()).splitlines()
    await writer.wait()
    acknowledged = {f"w {int(line)}" for line in told if line.strip().isdigit()}
    store = open_store(url)
    assert acknowledged <= set(await statuses(store))
    await store.write(lambda tx: tx.take_ids("runs"))
    await store.close()


async def dense(store: SqlStore, writers: list[Process]) -> int:
    """Polls until the writers have ended; a reader that sees n must have seen all up to n."""
    seen = 0
    ended = False
    while not ended:
        ended = all(writer.returncode is not None for writer in writers)
        found = await store.read(lambda tx, at=seen: tx.events.since(at, 10_000))
        assert [e.id for e in found] == list(range(seen + 1, seen + 1 + len(found)))
        seen += len(found)
    return seen


async def test_a_reader_sees_no_gap_while_two_servers_write(postgres_cluster: Cluster) -> None:
    url = postgres_cluster.database()
    store = open_store(url)
    writers = [await start_writer(url, name, 500) for name in ("a", "b")]
    await let_go(writers)
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(dense(store, writers))
        outputs = [tasks.create_task(writer.communicate()) for writer in writers]
    for writer, output in zip(writers, outputs, strict=True):
        assert writer.returncode == 0, output.result()[1].decode()
    assert reading.result() == 1_000
    names = await statuses(store)
    assert sorted(names) == sorted(f"{name} {n}" for name in ("a", "b") for n in range(500))
    turns = sum(one[0] != other[0] for one, other in pairwise(names))
    assert turns > 1, "the two never wrote at the same time"
    await store.close()


async def test_servers_that_start_at_once_migrate_once(postgres_cluster: Cluster) -> None:
    url = postgres_cluster.database()
    writers = [await start_writer(url, name, 20) for name in "abc"]
    outputs = [await writer.communicate(b"") for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], outputs
    store = open_store(url)
    assert len(await statuses(store)) == 60
    await store.close()
