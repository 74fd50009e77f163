import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flowforge.errors import Bug, Conflict, StoreUnavailable
from flowforge.model.credential import Credential, CredentialKind, Role
from flowforge.ports import Store, Tx
from flowforge.testing.clock import EPOCH
from tests.contract.store.things import (
    add_runs,
    attempt,
    debt,
    delivery,
    event,
    job,
    pipeline,
    project,
    run,
    runner,
    step,
)


class Refusal(Exception):
    pass


def fail_after(change: Callable[[Tx], Any]) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        change(tx)
        raise Refusal

    return work


async def test_ids_are_dense_for_each_noun(store: Store) -> None:
    assert list(await store.write(lambda tx: tx.take_ids("runs"))) == [1]
    assert list(await store.write(lambda tx: tx.take_ids("runs", 3))) == [2, 3, 4]
    assert list(await store.write(lambda tx: tx.take_ids("jobs"))) == [1]
    assert list(await store.write(lambda tx: tx.take_ids("organisations"))) == [2]


async def test_nobody_counts_what_is_no_noun(store: Store) -> None:
    with pytest.raises(Bug):
        await store.write(lambda tx: tx.take_ids("sprockets"))


async def test_a_write_that_raises_leaves_nothing(store: Store) -> None:
    def change(tx: Tx) -> None:
        add_runs(tx, run())
        tx.take_ids("runs", 10)
        tx.events.append([event()])
        tx.events.move("pages", 3)

    with pytest.raises(Refusal):
        await store.write(fail_after(change))
    assert await store.read(lambda tx: tx.runs.get(1)) is None
    assert await store.read(lambda tx: tx.events.last()) == 0
    assert await store.read(lambda tx: tx.events.cursor("pages")) == 0
    assert list(await store.write(lambda tx: tx.take_ids("runs"))) == [1]


async def test_a_write_that_raises_before_it_changed_anything_gives_its_ids_back(store: Store) -> None:
    def change(tx: Tx) -> None:
        tx.take_ids("runs", 10)
        tx.events.append([event("lost")])

    answers = await asyncio.gather(
        store.write(lambda tx: tx.events.append([event("one")])),
        store.write(fail_after(change)),
        store.write(lambda tx: tx.events.append([event("two")])),
        return_exceptions=True,
    )
    assert isinstance(answers[1], Refusal)
    found = await store.read(lambda tx: tx.events.since(0, 9))
    assert [(e.id, e.status) for e in found] == [(1, "one"), (2, "two")]
    assert list(await store.write(lambda tx: tx.take_ids("runs"))) == [1]


async def test_one_of_many_that_fails_undoes_itself_only(store: Store) -> None:
    def add(n: int) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            tx.projects.save(project(n))
            tx.events.append([event(str(n))])

        return work

    works = [fail_after(add(n)) if n % 5 == 0 else add(n) for n in range(1, 31)]
    answers = await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)
    failed = [n for n, answer in enumerate(answers, 1) if isinstance(answer, Refusal)]
    kept = [n for n in range(1, 31) if n % 5]
    assert failed == [5, 10, 15, 20, 25, 30]
    assert sorted(p.id for p in await store.read(lambda tx: tx.projects.newest(50))) == kept
    found = await store.read(lambda tx: tx.events.since(0, 50))
    assert [e.id for e in found] == list(range(1, 25))
    assert [int(e.status) for e in found] == kept


async def test_a_refused_row_reaches_its_own_caller_only(store: Store) -> None:
    works = [lambda tx, n=n: tx.projects.save(project(n, native_id=str(n % 3))) for n in range(9)]
    answers = await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)
    assert [isinstance(answer, Conflict) for answer in answers] == [False] * 3 + [True] * 6


async def test_an_error_that_was_swallowed_still_undoes_the_write(store: Store) -> None:
    await store.write(lambda tx: tx.projects.save(project(1)))

    def work(tx: Tx) -> str:
        try:
            tx.projects.save(project(2, native_id="1"))
        except Exception as error:
            raise Refusal from error
        return "saved"

    with pytest.raises((Refusal, Conflict)):
        await store.write(work)
    assert await store.read(lambda tx: tx.projects.get(2)) is None


async def test_no_increment_of_many_writers_is_lost(store: Store) -> None:
    def increment(tx: Tx) -> int:
        at = tx.events.cursor("counter") + 1
        tx.events.move("counter", at)
        return at

    answers = await asyncio.gather(*(store.write(increment) for _ in range(200)))
    assert sorted(answers) == list(range(1, 201))
    assert await store.read(lambda tx: tx.events.cursor("counter")) == 200


CREDENTIAL = Credential(
    hash="h", kind=CredentialKind.LOCAL, organisation_id=1, role=Role.ADMIN, name="me", created_at=EPOCH
)
WRITES: dict[str, Callable[[Tx], object]] = {
    "projects.save": lambda tx: tx.projects.save(project()),
    "projects.take_numbers": lambda tx: tx.projects.take_numbers(1),
    "pipelines.save": lambda tx: tx.pipelines.save(pipeline()),
    "deliveries.add": lambda tx: tx.deliveries.add([delivery()]),
    "runs.add": lambda tx: tx.runs.add([run(2)]),
    "runs.save": lambda tx: tx.runs.save(run()),
    "jobs.add": lambda tx: tx.jobs.add([job(2)]),
    "jobs.save": lambda tx: tx.jobs.save(job()),
    "attempts.add": lambda tx: tx.attempts.add(attempt(2)),
    "attempts.save": lambda tx: tx.attempts.save(attempt()),
    "attempts.beat": lambda tx: tx.attempts.beat([attempt().key]),
    "steps.save": lambda tx: tx.steps.save([step(0, attempt().key)]),
    "runners.save": lambda tx: tx.runners.save(runner()),
    "runners.remove": lambda tx: tx.runners.remove(1),
    "credentials.add": lambda tx: tx.credentials.add(CREDENTIAL),
    "credentials.remove": lambda tx: tx.credentials.remove("h"),
    "credentials.remove_kind": lambda tx: tx.credentials.remove_kind(CredentialKind.LINK, ""),
    "debts.save": lambda tx: tx.debts.save(debt()),
    "events.append": lambda tx: tx.events.append([event()]),
    "events.move": lambda tx: tx.events.move("pages", 1),
    "take_ids": lambda tx: tx.take_ids("runs"),
}


@pytest.mark.parametrize("name", WRITES)
async def test_a_read_cannot_write(store: Store, name: str) -> None:
    def prepare(tx: Tx) -> None:
        add_runs(tx, run())
        tx.jobs.add([job()])
        tx.attempts.add(attempt())
        tx.credentials.add(replace(CREDENTIAL, hash="link", kind=CredentialKind.LINK))

    await store.write(prepare)
    with pytest.raises(Bug):
        await store.read(WRITES[name])
    await store.write(WRITES[name])


async def test_a_transaction_is_of_no_use_afterwards(store: Store) -> None:
    kept: list[Tx] = []
    await store.write(kept.append)
    await store.read(kept.append)
    for tx in kept:
        with pytest.raises(Bug):
            tx.runs.get(1)


async def test_a_closed_store_refuses_everything(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.write(lambda tx: tx.take_ids("runs"))
    with pytest.raises(StoreUnavailable):
        await store.read(lambda tx: tx.events.last())
