"""Text that a database cannot hold must not stop a webhook."""

from contextlib import suppress

import pytest

from flowforge.adapters.store import SqlStore
from flowforge.errors import BadInput
from flowforge.model.order import JobOrder
from tests.contract.store.things import add_runs, job, run, trigger

HOSTILE = "a\x00b\ud800c\u20ac"


async def test_nul_and_lone_surrogates_are_replaced(sql_store: SqlStore) -> None:
    hostile = run(trigger=trigger(title=HOSTILE, branch=HOSTILE), reason=HOSTILE, config_text=HOSTILE)
    await sql_store.write(lambda tx: add_runs(tx, hostile))
    found = await sql_store.read(lambda tx: tx.runs.get(1))
    assert found is not None
    clean = "a\ufffdb\ufffdc\u20ac"
    assert (found.trigger.title, found.reason, found.config_text) == (clean, clean, clean)
    assert len(await sql_store.read(lambda tx: tx.runs.newest(5, branch=HOSTILE))) == 1


async def test_an_order_keeps_nul_and_loses_lone_surrogates(sql_store: SqlStore) -> None:
    await sql_store.write(lambda tx: add_runs(tx, run()))
    order = JobOrder(key=HOSTILE, name="\x00", steps=())
    await sql_store.write(lambda tx: tx.jobs.add([job(order=order)]))
    found = await sql_store.read(lambda tx: tx.jobs.get(1))
    assert found is not None
    assert found.order == JobOrder(key="a\x00b\ufffdc\u20ac", name="\x00", steps=())


async def test_a_branch_no_index_can_hold_hurts_nobody_else(sql_store: SqlStore) -> None:
    """PostgreSQL indexes at most 2,704 bytes, after compression; SQLite any number."""
    long = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(5_000))
    await sql_store.write(lambda tx: add_runs(tx, run(1)))
    with suppress(BadInput):
        await sql_store.write(lambda tx: add_runs(tx, run(2, trigger=trigger(branch=long))))
    await sql_store.write(lambda tx: add_runs(tx, run(3)))
    assert await sql_store.read(lambda tx: tx.runs.get(3)) == run(3)


@pytest.mark.parametrize("quote", ["'; DROP TABLE runs; --", '"', "%s", ":id", "?"])
async def test_text_is_never_a_statement(sql_store: SqlStore, quote: str) -> None:
    hostile = run(trigger=trigger(branch=quote), reason=quote)
    await sql_store.write(lambda tx: add_runs(tx, hostile))
    (found,) = await sql_store.read(lambda tx: tx.runs.newest(5, branch=quote))
    assert found == hostile
