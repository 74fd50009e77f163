"""What people tell runs to do, in every state."""

import pytest

from flowforge.errors import Conflict, NotFound
from flowforge.model.claim import Outcome
from flowforge.model.status import Status
from flowforge.services.control import Control
from tests.unit.services.world import World, a_token


def control_of(world: World) -> Control:
    return Control(world.store, world.bell, world.clock)


async def test_cancelling_a_run_that_was_not_planned_ends_it(world: World) -> None:
    run = await control_of(world).cancel(await world.pushed(), "ann")
    assert (run.status, run.reason) == (Status.CANCELLED, "cancelled by ann")


async def test_cancelling_ends_waiting_jobs_at_once(world: World) -> None:
    run_id = await world.planned({"build": "", "test": "build"})
    assert (await control_of(world).cancel(run_id, "ann")).status is Status.CANCELLED
    assert await world.statuses(run_id) == {"build": "cancelled", "test": "cancelled"}


async def test_cancelling_twice_while_a_job_stops_changes_nothing(world: World) -> None:
    run_id = await world.planned({"build": ""})
    await (await world.runner()).claim(a_token(), 0)
    await control_of(world).cancel(run_id, "ann")
    before = await world.kinds()
    await control_of(world).cancel(run_id, "bob")
    assert await world.kinds() == before


async def test_a_run_that_is_over_cannot_be_cancelled(world: World) -> None:
    run_id = await world.pushed()
    await control_of(world).cancel(run_id, "ann")
    with pytest.raises(Conflict, match="is over"):
        await control_of(world).cancel(run_id, "ann")


async def test_of_cancel_and_finish_one_wins(world: World) -> None:
    run_id = await world.planned({"build": ""})
    link = await world.runner()
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    await control_of(world).cancel(run_id, "ann")
    await link.finish(claim.lease, Outcome(status=Status.SUCCESS))
    assert (await world.run(run_id)).status is Status.SUCCESS
    with pytest.raises(Conflict):
        await control_of(world).cancel(run_id, "ann")


async def test_a_rerun_is_a_new_run_of_the_same_commit_that_names_the_first(world: World) -> None:
    first = await world.pushed()
    control = control_of(world)
    await control.cancel(first, "ann")
    again = await control.rerun(first)
    assert (again.rerun_of, again.attempt, again.number) == (first, 2, 2)
    assert again.trigger == (await world.run(first)).trigger
    await control.cancel(again.id, "ann")
    third = await control.rerun(again.id)
    assert (third.rerun_of, third.attempt) == (first, 3)


async def test_a_run_that_goes_on_cannot_be_rerun(world: World) -> None:
    with pytest.raises(Conflict, match="is not over"):
        await control_of(world).rerun(await world.pushed())


async def test_an_unknown_run_is_not_found(world: World) -> None:
    for call in (control_of(world).cancel(99, "ann"), control_of(world).rerun(99)):
        with pytest.raises(NotFound):
            await call
