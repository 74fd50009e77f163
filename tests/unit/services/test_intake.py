"""Webhooks become runs: each once, none lost, many at a time."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

import pytest

from flowforge.errors import Conflict, StoreUnavailable
from flowforge.model.status import Status
from flowforge.ports import Tx
from flowforge.services import intake as intake_module
from flowforge.services.intake import Intake
from flowforge.services.recording import Receipt
from flowforge.testing.store import MemoryStore
from tests.unit.services.world import REPOSITORY, World, push

T = TypeVar("T")


def intake_of(world: World) -> Intake:
    return Intake(world.store, world.bell, world.clock)


async def test_a_push_becomes_a_pending_run_with_its_delivery(world: World) -> None:
    receipt = await intake_of(world).accept(push(), b"the body")
    run = await world.run(receipt.run_ids[0])
    assert (run.status, run.number, run.trigger.branch) == (Status.PENDING, 1, "main")
    delivery = await world.store.read(lambda tx: tx.deliveries.get(run.delivery_id or 0))
    assert delivery is not None
    assert (delivery.body, delivery.run_ids) == (b"the body", receipt.run_ids)


async def test_the_same_delivery_answers_the_same_run(world: World) -> None:
    intake = intake_of(world)
    first = await intake.accept(push(), b"")
    assert await intake.accept(push(), b"") == first
    assert await world.kinds() == ["run.created"]


async def test_the_same_happening_under_a_new_delivery_id_answers_the_same_run(world: World) -> None:
    intake = intake_of(world)
    first = await intake.accept(push(), b"")
    assert await intake.accept(push(delivery="another"), b"") == first


async def test_sendings_without_an_id_are_told_apart_by_what_happened(world: World) -> None:
    intake = intake_of(world)
    first, second = (replace(push(number), delivery_id="") for number in (1, 2))
    assert await intake.accept(first, b"") != await intake.accept(second, b"")


async def test_a_burst_with_duplicates_starts_each_run_once(world: World) -> None:
    intake = intake_of(world)
    happenings = [push(number) for number in range(1, 21)] * 3
    receipts = await asyncio.gather(*(intake.accept(happening, b"") for happening in happenings))
    assert receipts[:20] == receipts[20:40] == receipts[40:]
    assert sorted(run_id for receipt in receipts[:20] for run_id in receipt.run_ids) == list(range(1, 21))


async def test_run_numbers_count_within_a_project(world: World) -> None:
    intake = intake_of(world)
    other = replace(
        REPOSITORY, native_id="43", name="acme/api", clone_url="https://github.example/acme/api.git"
    )
    happenings = [push(1), push(2, repository=other), push(3), push(4, repository=other)]
    receipts = await asyncio.gather(*(intake.accept(happening, b"") for happening in happenings))
    runs = [await world.run(receipt.run_ids[0]) for receipt in receipts]
    assert [run.number for run in runs] == [1, 1, 2, 2]


async def test_a_renamed_repository_stays_the_same_project(world: World) -> None:
    intake = intake_of(world)
    await intake.accept(push(1), b"")
    moved = replace(REPOSITORY, name="acme/site", clone_url="https://github.example/acme/site.git")
    await intake.accept(push(2, repository=moved), b"")
    found = await world.store.read(lambda tx: tx.projects.named("acme/web"))
    assert [(project.name, project.former_names) for project in found] == [("acme/site", ("acme/web",))]
    await intake.accept(push(3), b"")
    back = await world.store.read(lambda tx: tx.projects.named("acme/site"))
    assert [(project.name, project.former_names) for project in back] == [("acme/web", ("acme/site",))]


async def test_one_arrival_that_cannot_be_stored_fails_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowforge.services import recording as module

    honest = module.known_project

    def refusing(tx: object, repository: object, now: object) -> object:
        if repository.native_id == "bad":  # type: ignore[attr-defined]
            raise Conflict("poison")
        return honest(tx, repository, now)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "known_project", refusing)
    intake = intake_of(world)
    bad = replace(REPOSITORY, native_id="bad")
    answers = await asyncio.gather(
        *(intake.accept(h, b"") for h in (push(1), push(2, repository=bad), push(3))), return_exceptions=True
    )
    assert [type(answer).__name__ for answer in answers] == ["Receipt", "Conflict", "Receipt"]


class SlowStore(MemoryStore):
    """Every write waits for `gate`; `refusals` are raised first, one a write."""

    def __init__(self, *refusals: Exception) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.refusals = list(refusals)
        self.writes = 0

    async def write(self, work: Callable[[Tx], T], *, urgent: bool = False) -> T:
        self.writes += 1
        self.entered.set()
        await self.gate.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        return await super().write(work, urgent=urgent)


def arriving(intake: Intake, *numbers: int, body: bytes = b"{}") -> list[asyncio.Task[Receipt]]:
    return [asyncio.ensure_future(intake.accept(push(number), body)) for number in numbers]


async def ends(tasks: Iterable[asyncio.Task[Receipt]]) -> list[str]:
    async with asyncio.timeout(5):
        return [type(end).__name__ for end in await asyncio.gather(*tasks, return_exceptions=True)]


async def test_the_rest_of_a_batch_outlives_a_recorder_that_is_cancelled() -> None:
    world = World(store=SlowStore())
    store, intake = world.store, intake_of(world)
    assert isinstance(store, SlowStore)
    first = arriving(intake, 1)
    await store.entered.wait()
    store.entered.clear()
    rest = arriving(intake, 2, 3, 4)
    await asyncio.sleep(0)
    first[0].cancel()
    await store.entered.wait()
    rest[0].cancel()
    store.gate.set()
    assert await ends([*first, *rest]) == ["CancelledError", "CancelledError", "Receipt", "Receipt"]


async def test_the_rest_of_a_batch_outlives_an_error_nobody_foresaw() -> None:
    store = SlowStore(RuntimeError("once"))
    intake = intake_of(World(store=store))
    store.gate.set()
    assert await ends(arriving(intake, 1, 2, 3)) == ["Receipt"] * 3


async def test_a_database_that_is_away_is_waited_for_once_by_all() -> None:
    """The first to come is recorded alone, all behind it together."""
    store = SlowStore(*(StoreUnavailable("away", retry_after=5) for _ in range(2)))
    intake = intake_of(World(store=store))
    waiting = arriving(intake, *range(1, 11))
    await store.entered.wait()
    store.gate.set()
    assert await ends(waiting) == ["StoreUnavailable"] * 10
    assert store.writes == 2
    assert await ends(arriving(intake, 1)) == ["Receipt"]


async def test_more_bytes_than_may_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MOST_BYTES", 10)
    store = SlowStore()
    intake = intake_of(World(store=store))
    waiting = arriving(intake, 1, body=b"x" * 11)
    await store.entered.wait()
    with pytest.raises(StoreUnavailable) as refused:
        await intake.accept(push(2), b"y")
    assert refused.value.retry_after
    store.gate.set()
    assert await ends(waiting) == ["Receipt"]
    assert (await intake.accept(push(2), b"y")).run_ids == (2,)


async def test_more_arrivals_than_may_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MOST_WAITING", 2)
    store = SlowStore()
    intake = intake_of(World(store=store))
    waiting = arriving(intake, 1, 2, 3)
    await store.entered.wait()
    store.gate.set()
    assert await ends(waiting) == ["Receipt", "Receipt", "StoreUnavailable"]
