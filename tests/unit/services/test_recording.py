"""A repetition is the same sending, or what is newest at its place: everything else is new."""

import asyncio
from dataclasses import replace

from flowforge.model.push import Happening, Quiet
from flowforge.services.intake import Intake
from flowforge.testing.checker import read_history
from flowforge.testing.checker.rules import accepted_deliveries_have_runs, one_happening_starts_one_run
from tests.unit.services.world import REPOSITORY, World, push


def moved(before: str, after: str, delivery: str) -> Happening:
    return replace(push(1), key=f"main {before} {after}", delivery_id=delivery)


def gone(before: str, delivery: str) -> Quiet:
    return Quiet(
        repository=REPOSITORY,
        reason="the ref was deleted",
        event="deleted",
        place=push(1).place,
        key=f"main {before} 0",
        delivery_id=delivery,
    )


async def taken(world: World, *told: Happening | Quiet) -> list[tuple[int, ...]]:
    """One after the other; the promises hold after all of them."""
    intake = Intake(world.store, world.bell, world.clock)
    receipts = [await intake.accept(each, b"{}") for each in told]
    history = await world.store.read(read_history)
    assert not [*one_happening_starts_one_run(history), *accepted_deliveries_have_runs(history)]
    return [receipt.run_ids for receipt in receipts]


async def test_a_branch_forced_to_and_fro_runs_each_time(world: World) -> None:
    told = [moved("a", "b", "1"), moved("b", "a", "2"), moved("a", "b", "3"), moved("b", "a", "4")]
    assert await taken(world, *told) == [(1,), (2,), (3,), (4,)]


async def test_a_branch_deleted_and_made_again_at_its_commit_runs_again(world: World) -> None:
    told = [moved("0", "a", "1"), gone("a", "2"), moved("0", "a", "3")]
    assert await taken(world, *told) == [(1,), (), (2,)]


async def test_the_newest_sent_anew_is_a_repetition_however_often(world: World) -> None:
    told = [moved("a", "b", "1"), moved("a", "b", "2"), moved("a", "b", "3")]
    assert await taken(world, *told) == [(1,), (1,), (1,)]


async def test_a_sending_is_known_for_good_also_one_that_was_a_repetition(world: World) -> None:
    told = [moved("a", "b", "1"), moved("a", "b", "2"), moved("b", "a", "3")]
    later = [moved("a", "b", "1"), moved("a", "b", "2")]
    assert await taken(world, *told, *later) == [(1,), (1,), (2,), (1,), (1,)]


async def test_what_is_told_without_a_name_is_told_by_what_is_newest(world: World) -> None:
    told = [moved("a", "b", ""), moved("a", "b", ""), moved("b", "a", ""), moved("a", "b", "")]
    assert await taken(world, *told) == [(1,), (1,), (2,), (3,)]


async def test_an_older_push_that_comes_late_runs_too(world: World) -> None:
    assert await taken(world, moved("b", "c", "2"), moved("a", "b", "1")) == [(1,), (2,)]


async def test_something_quiet_of_which_nothing_is_known_leaves_no_row(world: World) -> None:
    assert await taken(world, gone("a", "1")) == [()]
    assert await world.store.read(lambda tx: tx.deliveries.since(0, 9)) == []
    assert await world.store.read(lambda tx: tx.projects.newest(9)) == []


async def test_other_places_are_not_in_the_way(world: World) -> None:
    other = replace(moved("a", "b", "2"), place="next")
    assert await taken(world, moved("a", "b", "1"), other, moved("a", "b", "3")) == [(1,), (2,), (1,)]


async def test_a_batch_is_sorted_out_in_its_order(world: World) -> None:
    intake = Intake(world.store, world.bell, world.clock)
    told = [
        *(moved("a", "b", "1"), moved("a", "b", "2"), moved("b", "a", "3"), moved("a", "b", "4")),
        *(gone("b", "5"), moved("a", "b", "6"), moved("a", "b", "1")),
    ]
    receipts = await asyncio.gather(*(intake.accept(each, b"{}") for each in told))
    assert [receipt.run_ids for receipt in receipts] == [(1,), (1,), (2,), (3,), (), (4,), (1,)]
    history = await world.store.read(read_history)
    assert not [*one_happening_starts_one_run(history), *accepted_deliveries_have_runs(history)]
    assert [delivery.body for delivery in history.deliveries] == [b"{}", b"", *[b"{}"] * 4]
