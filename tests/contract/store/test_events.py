import asyncio

from flowforge.model.event import EventKind
from flowforge.ports import Store
from tests.contract.store.things import event, later


async def test_events_get_the_next_ids_in_order(store: Store) -> None:
    assert await store.read(lambda tx: tx.events.last()) == 0
    await store.write(lambda tx: tx.events.append([event("a"), event("b")]))
    await store.write(lambda tx: tx.events.append(e for e in (event("c"),)))
    found = await store.read(lambda tx: tx.events.since(0, 10))
    assert [(e.id, e.status) for e in found] == [(1, "a"), (2, "b"), (3, "c")]
    assert await store.read(lambda tx: tx.events.last()) == 3


async def test_an_event_comes_back_whole(store: Store) -> None:
    detail = {"a": [1, None, {"b": "\x00\ud800€"}], "ok": True}
    given = event(
        "x", kind=EventKind.JOB_FINISHED, run_id=2**40, job_id=4, organisation_id=1, at=later(0.000001)
    )
    await store.write(lambda tx: tx.events.append([event("x", detail=detail), given]))
    one, two = await store.read(lambda tx: tx.events.since(0, 2))
    assert one.detail == detail
    assert (two.kind, two.run_id, two.job_id, two.at, two.detail) == (
        given.kind,
        given.run_id,
        given.job_id,
        given.at,
        {},
    )


async def test_a_reader_gets_what_is_behind_its_place(store: Store) -> None:
    await store.write(lambda tx: tx.events.append([event(str(n)) for n in range(10)]))
    assert [e.id for e in await store.read(lambda tx: tx.events.since(4, 3))] == [5, 6, 7]
    assert not await store.read(lambda tx: tx.events.since(10, 3))
    assert not await store.read(lambda tx: tx.events.since(10**30, 3))


async def test_a_write_sees_the_events_it_appended(store: Store) -> None:
    def work(tx):  # type: ignore[no-untyped-def]
        tx.events.append([event("a")])
        before = tx.events.last()
        seen = [e.status for e in tx.events.since(0, 10)]
        tx.events.append([event("b")])
        return before, seen, tx.events.last()

    assert await store.write(work) == (1, ["a"], 2)


async def test_a_cursor_stays_where_it_was_moved(store: Store) -> None:
    assert await store.read(lambda tx: tx.events.cursor("statuses")) == 0
    await store.write(lambda tx: tx.events.move("statuses", 7))
    await store.write(lambda tx: tx.events.move("statuses", 5))
    assert await store.read(lambda tx: tx.events.cursor("statuses")) == 5
    assert await store.read(lambda tx: tx.events.cursor("pages")) == 0


async def test_a_history_has_one_name(store: Store) -> None:
    epoch = await store.read(lambda tx: tx.events.epoch())
    assert epoch
    assert await store.write(lambda tx: tx.events.epoch()) == epoch


async def test_a_detail_that_is_no_json_fails_whoever_appends_it(store: Store) -> None:
    async def append(detail: object) -> None:
        await store.write(lambda tx: tx.events.append([event(detail={"x": detail})]))

    async with asyncio.timeout(30):
        first, bad, last = await asyncio.gather(
            append(1), append(object()), append(2), return_exceptions=True
        )
    assert (first, last) == (None, None)
    assert isinstance(bad, TypeError)
    assert [e.detail for e in await store.read(lambda tx: tx.events.since(0, 9))] == [{"x": 1}, {"x": 2}]
