"""What only a store with a writer thread can show: who goes first, who is tried again, who is told what."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from flowforge.adapters.store import SqlStore, open_store
from flowforge.adapters.store.line import Entry, Line, Urgency
from flowforge.errors import Bug, StoreUnavailable
from flowforge.ports import Tx
from flowforge.testing.clock import EPOCH
from tests.contract.store.things import event, project

NO_ZONE = EPOCH.replace(tzinfo=None)
"""Refused where events are inserted, which is in nobody's own function."""


class Gate:
    """Holds the writer inside a function until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, tx: Tx) -> None:
        self.entered.set()
        assert self.opened.wait(60)


async def behind_a_gate(store: SqlStore, tasks: asyncio.TaskGroup) -> tuple[Gate, asyncio.Task[None]]:
    gate = Gate()
    held = tasks.create_task(store.write(gate))
    assert await asyncio.to_thread(gate.entered.wait, 60)
    return gate, held


async def test_urgent_writes_go_before_those_that_waited_longer(sql_store: SqlStore) -> None:
    order: list[str] = []
    async with asyncio.TaskGroup() as tasks:
        gate, _ = await behind_a_gate(sql_store, tasks)
        for name, urgent in [("bulk 1", False), ("urgent 1", True), ("bulk 2", False), ("urgent 2", True)]:
            tasks.create_task(sql_store.write(lambda tx, name=name: order.append(name), urgent=urgent))
        await asyncio.sleep(0)
        gate.opened.set()
    assert order == ["urgent 1", "urgent 2", "bulk 1", "bulk 2"]


async def test_a_write_whose_caller_left_before_its_turn_is_not_done(sql_store: SqlStore) -> None:
    async with asyncio.TaskGroup() as tasks:
        gate, _ = await behind_a_gate(sql_store, tasks)
        left = tasks.create_task(sql_store.write(lambda tx: tx.take_ids("runs")))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait([left])
        gate.opened.set()
    assert list(await sql_store.write(lambda tx: tx.take_ids("runs"))) == [1]


async def test_what_was_accepted_is_finished_before_the_store_closes(url: str) -> None:
    store = open_store(url)
    async with asyncio.TaskGroup() as tasks:
        gate, _ = await behind_a_gate(store, tasks)
        last = tasks.create_task(store.write(lambda tx: tx.events.append([event("last")])))
        await asyncio.sleep(0)
        closing = tasks.create_task(store.close())
        await asyncio.sleep(0)
        gate.opened.set()
    assert last.exception() is None
    assert closing.done()
    again = open_store(url)
    assert await again.read(lambda tx: tx.events.last()) == 1
    await again.close()


async def test_those_who_share_a_commit_with_a_failure_are_run_again_and_told_once(
    sql_store: SqlStore,
) -> None:
    runs: list[str] = []

    def good(tx: Tx) -> str:
        runs.append("good")
        tx.projects.save(project())
        return "saved"

    def bad(tx: Tx) -> None:
        runs.append("bad")
        tx.projects.save(project(2))
        raise LookupError

    async with asyncio.TaskGroup() as tasks:
        gate, _ = await behind_a_gate(sql_store, tasks)
        answers = asyncio.gather(sql_store.write(good), sql_store.write(bad), return_exceptions=True)
        await asyncio.sleep(0)
        gate.opened.set()
        saved, failed = await answers
    assert saved == "saved"
    assert isinstance(failed, LookupError)
    assert runs == ["good", "bad", "good", "bad"]
    assert [p.id for p in await sql_store.read(lambda tx: tx.projects.newest(9))] == [1]


async def test_a_function_may_raise_even_what_a_future_refuses(sql_store: SqlStore) -> None:
    def exhausted(tx: Tx) -> None:
        raise StopIteration

    with pytest.raises(Bug):
        await sql_store.write(exhausted)


async def test_reads_see_one_committed_state(sql_store: SqlStore) -> None:
    entered, written = threading.Event(), threading.Event()

    def twice(tx: Tx) -> tuple[int, int]:
        first = tx.events.last()
        entered.set()
        assert written.wait(60)
        return first, tx.events.last()

    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(sql_store.read(twice))
        assert await asyncio.to_thread(entered.wait, 60)
        await sql_store.write(lambda tx: tx.events.append([event()]))
        written.set()
    assert reading.result() == (0, 0)
    assert await sql_store.read(lambda tx: tx.events.last()) == 1


async def test_a_full_line_refuses_at_once() -> None:
    line = Line(limit=2)
    line.put(await entry(lambda tx: None), Urgency.URGENT)
    line.put(await entry(lambda tx: None), Urgency.BULK)
    with pytest.raises(StoreUnavailable) as caught:
        line.put(await entry(lambda tx: None), Urgency.URGENT)
    assert caught.value.retry_after == 1.0


async def test_a_batch_is_bounded_and_takes_the_urgent_first() -> None:
    line = Line(most=3)
    bulk = [await entry(lambda tx: None) for _ in range(4)]
    urgent = [await entry(lambda tx: None) for _ in range(2)]
    for one in bulk:
        line.put(one, Urgency.BULK)
    for one in urgent:
        line.put(one, Urgency.URGENT)
    assert line.take() == [*urgent, bulk[0]]
    assert line.take() == bulk[1:]
    line.close()
    assert line.take() == []


async def entry(work: Callable[[Tx], None]) -> Entry:
    loop = asyncio.get_running_loop()
    return Entry(work=work, loop=loop, future=loop.create_future())


async def test_what_breaks_outside_of_every_function_costs_its_batch_only(sql_store: SqlStore) -> None:
    async with asyncio.timeout(30):
        with pytest.raises(Bug):
            await sql_store.write(lambda tx: tx.events.append([event(at=NO_ZONE)]))
        await sql_store.write(lambda tx: tx.events.append([event("next")]))
    found = await sql_store.read(lambda tx: tx.events.since(0, 9))
    assert [(e.id, e.status) for e in found] == [(1, "next")]
