"""Commit statuses converge: whatever happens meanwhile, the last word is the run's own."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from flowforge.errors import BadInput, FlowForgeError, NotConfigured, StoreUnavailable, Upstream
from flowforge.model.claim import Outcome
from flowforge.model.commit_status import CommitStatus, StatusDebt
from flowforge.model.event import EventKind
from flowforge.model.push import Happening
from flowforge.model.status import Cause, Status
from flowforge.services.control import Control
from flowforge.services.intake import Intake
from flowforge.services.links import Links
from flowforge.services.progress import EVENTS
from flowforge.services.statuses import READER, StatusKeeper, Wording, claim, paid, take_back
from flowforge.testing.checker import read_history, violations
from tests.unit.services.world import REPOSITORY, World, a_token, push

FAILURE = Outcome(status=Status.FAILURE, cause=Cause.EXIT, reason="exit code 1")
WORDING = Wording(context="ci/flowforge", links=Links("https://ci.example"))


class Forge:
    """Takes statuses; answers `errors` first."""

    def __init__(self, *errors: FlowForgeError) -> None:
        self.errors = list(errors)
        self.took: list[CommitStatus] = []
        self.heard = asyncio.Event()

    async def post(self, status: CommitStatus) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.took.append(status)
        self.heard.set()

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(status.state.value, status.description) for status in self.took]


def keeper_of(world: World, forge: Forge, instance: str = "first") -> StatusKeeper:
    return StatusKeeper(world.store, forge, world.bell, world.clock, WORDING, instance)


async def settle(keeper: StatusKeeper) -> None:
    await keeper.owe()
    await keeper.pay()


async def finish_all(world: World, outcome: Outcome) -> None:
    link = await world.runner()
    while claim := await link.claim(a_token(), 0):
        await link.finish(claim.lease, outcome)


async def test_a_queued_run_shows_pending_with_a_link_to_its_page(world: World) -> None:
    forge = Forge()
    await world.pushed()
    await settle(keeper_of(world, forge))
    (status,) = forge.took
    assert (status.repository, status.commit, status.context) == ("acme/web", f"{1:040x}", "ci/flowforge")
    assert status.target_url == "https://ci.example/ui/pipelines/1"
    assert forge.states == [("pending", "run #1 is queued")]


async def test_followers_hear_of_a_delivered_status(world: World) -> None:
    keeper = keeper_of(world, Forge())
    await world.pushed()
    await keeper.owe()
    rung = world.bell.listen(EVENTS)
    await keeper.pay()
    assert await rung.wait(0)


async def test_success_counts_the_jobs(world: World) -> None:
    forge = Forge()
    keeper = keeper_of(world, forge)
    await world.planned({"build": "", "test": "build"})
    await settle(keeper)
    await finish_all(world, Outcome(status=Status.SUCCESS))
    await settle(keeper)
    assert forge.states == [("pending", "run #1 is queued"), ("success", "2 jobs")]


async def test_failure_names_the_job(world: World) -> None:
    forge = Forge()
    await world.planned({"build": ""})
    await finish_all(world, Outcome(status=Status.FAILURE, cause=Cause.EXIT, reason="exit code 1"))
    await settle(keeper_of(world, forge))
    assert forge.states == [("failure", 'job "build": exit code 1')]


async def test_a_status_that_was_not_taken_is_tried_again_later(world: World) -> None:
    forge = Forge(Upstream("502"), Upstream("502", retry_after=30))
    keeper = keeper_of(world, forge)
    await world.pushed()
    await settle(keeper)
    await keeper.pay()
    assert forge.took == []
    world.clock.tick(2)
    await keeper.pay()
    world.clock.tick(29)
    await keeper.pay()
    assert forge.took == []
    world.clock.tick(2)
    await keeper.pay()
    assert len(forge.took) == 1


async def test_a_newer_state_replaces_one_that_was_not_delivered(world: World) -> None:
    forge = Forge(Upstream("away"))
    keeper = keeper_of(world, forge)
    run_id = await world.pushed()
    await settle(keeper)
    await Control(world.store, world.bell, world.clock).cancel(run_id, "ann")
    await settle(keeper)
    assert forge.states == [("failure", "cancelled by ann")]


async def debt_of(world: World, run_id: int = 1) -> StatusDebt:
    debt = await world.store.read(lambda tx: tx.debts.get(run_id))
    assert debt is not None
    return debt


async def test_a_refusal_for_good_is_given_up_until_there_is_news(world: World) -> None:
    forge = Forge(Upstream("no such repository", final=True))
    keeper = keeper_of(world, forge)
    run_id = await world.pushed()
    await settle(keeper)
    debt = await debt_of(world)
    assert (debt.given_up_at, debt.last_error) == (world.clock.now(), "no such repository")
    world.clock.tick(90_000)
    await settle(keeper)
    assert forge.took == []
    await Control(world.store, world.bell, world.clock).cancel(run_id, "ann")
    await settle(keeper)
    assert forge.states == [("failure", "cancelled by ann")]


async def test_a_day_of_failing_is_enough(world: World) -> None:
    forge = Forge(*(Upstream("away") for _ in range(200)))
    keeper = keeper_of(world, forge)
    await world.pushed()
    await keeper.owe()
    for _ in range(97):
        await keeper.pay()
        world.clock.tick(1_024)
    assert (await debt_of(world)).given_up_at


async def test_one_status_that_cannot_be_sent_stops_no_other(world: World) -> None:
    forge = Forge(BadInput("not to be spoken to"), StoreUnavailable("busy"))
    for number in (1, 2, 3):
        await world.pushed(number)
    await settle(keeper_of(world, forge))
    assert len(forge.took) == 1
    assert (await debt_of(world)).last_error == "not to be spoken to"


async def test_a_missing_token_costs_one_try_for_all_every_quarter_of_an_hour(world: World) -> None:
    forge = Forge(*(NotConfigured("no token") for _ in range(3)))
    keeper = keeper_of(world, forge)
    for number in range(1, 6):
        await world.pushed(number)
    await keeper.owe()
    for left in (2, 2, 1, 1, 0):
        await keeper.pay()
        assert len(forge.errors) == left
        world.clock.tick(451)
    world.clock.tick(900)
    await keeper.pay()
    assert len(forge.took) == 5


async def test_no_older_state_lands_behind_a_newer_one(world: World) -> None:
    forge, other = Forge(), Forge()
    first, second = keeper_of(world, forge), keeper_of(world, other)
    run_id = await world.pushed()
    await first.owe()
    sending = await debt_of(world)
    now = world.clock.now()
    assert await world.store.write(lambda tx: claim(tx, sending, "first", now))
    await Control(world.store, world.bell, world.clock).cancel(run_id, "ann")
    await settle(second)
    assert other.took == []
    await world.store.write(lambda tx: paid(tx, sending, now))
    await settle(second)
    assert other.states == [("failure", "cancelled by ann")]


@pytest.mark.parametrize(("successor", "told"), [("first", 1), ("second", 0)])
async def test_what_a_killed_server_was_sending_its_successor_sends_at_once(
    world: World, successor: str, told: int
) -> None:
    """And nobody else: another server may still be at it."""
    forge = Forge()
    keeper = keeper_of(world, forge, successor)
    await world.pushed()
    await keeper.owe()
    sending, now = await debt_of(world), world.clock.now()
    assert await world.store.write(lambda tx: claim(tx, sending, "first", now))
    await world.store.write(lambda tx: take_back(tx, successor, now))
    await settle(keeper)
    assert len(forge.took) == told


async def test_events_that_tell_of_no_run_cost_no_write(world: World) -> None:
    await world.pushed()
    keeper = keeper_of(world, Forge())
    await settle(keeper)
    cursor = await world.store.read(lambda tx: tx.events.cursor(READER))
    await keeper.owe()
    assert await world.store.read(lambda tx: tx.events.last()) == cursor + 1
    assert await world.store.read(lambda tx: tx.events.cursor(READER)) == cursor


async def test_delivery_is_an_event_and_happens_once(world: World) -> None:
    forge = Forge()
    keeper = keeper_of(world, forge)
    await world.pushed()
    for _ in range(3):
        await settle(keeper)
    assert len(forge.took) == 1
    assert (await world.kinds()).count(EventKind.STATUS_DELIVERED) == 1


async def test_the_keeper_serves_until_it_is_cancelled(world: World) -> None:
    forge = Forge()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(keeper_of(world, forge).serve())
        await world.pushed()
        await forge.heard.wait()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def test_a_commit_that_becomes_known_late_is_told_once_it_is(world: World) -> None:
    forge = Forge()
    keeper = keeper_of(world, forge)
    short = replace(push(), trigger=replace(push().trigger, commit=f"{1:040x}"[:12]))
    await Intake(world.store, world.bell, world.clock).accept(short, b"{}")
    await settle(keeper)
    assert forge.took == []
    await world.planned({"build": ""})
    await settle(keeper)
    assert [(s.commit, s.state.value) for s in forge.took] == [(f"{1:040x}", "pending")]


class Silent(Forge):
    """One of its places never answers."""

    async def post(self, status: CommitStatus) -> None:
        if status.forge == "gitlab":
            await asyncio.Event().wait()
        await super().post(status)


async def test_a_forge_that_keeps_silent_holds_up_itself_alone(world: World) -> None:
    """More statuses wait for it than are sent at once, and all of them longer."""
    forge, intake = Silent(), Intake(world.store, world.bell, world.clock)
    gitlab = replace(REPOSITORY, forge="gitlab", origin="https://gitlab.example")
    keeper = keeper_of(world, forge)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(keeper.serve())
        for number in range(1, 100):
            await intake.accept(replace(push(number, repository=gitlab), place=f"{number}"), b"{}")
        await intake.accept(push(100), b"{}")
        async with asyncio.timeout(20):
            await forge.heard.wait()
        serving.cancel()
    assert [status.forge for status in forge.took] == ["github"]


async def test_a_repository_without_a_token_is_in_the_way_of_none_that_has_its_own(world: World) -> None:
    class Half(Forge):
        async def post(self, status: CommitStatus) -> None:
            if status.repository == "tools/poor":
                raise NotConfigured("no token")
            await super().post(status)

    forge, intake = Half(), Intake(world.store, world.bell, world.clock)
    poor = replace(REPOSITORY, native_id="poor", name="tools/poor")
    for number in range(1, 100):
        await intake.accept(replace(push(number, repository=poor), place=f"{number}"), b"{}")
    await intake.accept(push(100), b"{}")
    await settle(keeper_of(world, forge))
    assert [(status.repository, status.project_id) for status in forge.took] == [(REPOSITORY.name, 2)]


async def test_a_held_forge_is_in_nobodys_way(world: World) -> None:
    class Half(Forge):
        async def post(self, status: CommitStatus) -> None:
            if status.forge == "gitlab":
                raise NotConfigured("no token")
            await super().post(status)

    forge, intake = Half(), Intake(world.store, world.bell, world.clock)
    gitlab = replace(REPOSITORY, forge="gitlab", origin="https://gitlab.example")
    for number in range(1, 100):
        await intake.accept(replace(push(number, repository=gitlab), place=f"{number}"), b"{}")
    keeper = keeper_of(world, forge)
    await settle(keeper)
    await intake.accept(push(100), b"{}")
    await settle(keeper)
    assert [status.forge for status in forge.took] == ["github"]


def of_one_commit(number: int) -> Happening:
    """The same commit, each time for another reason."""
    event = push(1, delivery=f"d{number}")
    return replace(event, place=f"{number}", key=f"{number}")


async def test_a_delayed_status_of_an_older_run_does_not_replace_its_re_runs(world: World) -> None:
    forge = Forge(Upstream("429", retry_after=600))
    keeper = keeper_of(world, forge)
    await world.planned({"build": ""})
    await finish_all(world, FAILURE)
    await settle(keeper)
    assert forge.took == []
    await Control(world.store, world.bell, world.clock).rerun_failed(1)
    await finish_all(world, Outcome(status=Status.SUCCESS))
    await settle(keeper)
    world.clock.tick(601)
    await settle(keeper)
    assert [state for state, _ in forge.states] == ["success"]
    assert (await debt_of(world, 1)).last_error == "overtaken by run 2"
    assert violations(await world.store.read(read_history)) == ()
    world.clock.tick(100_000)
    await settle(keeper)
    assert len(forge.took) == 1


async def test_the_newest_of_several_runs_of_a_commit_has_the_last_word_whoever_ends_last(
    world: World,
) -> None:
    forge, intake = Forge(), Intake(world.store, world.bell, world.clock)
    keeper = keeper_of(world, forge)
    first, second = [(await intake.accept(of_one_commit(n), b"{}")).run_ids[0] for n in (1, 2)]
    control = Control(world.store, world.bell, world.clock)
    await control.cancel(second, "ann")
    await settle(keeper)
    await control.cancel(first, "ben")
    await settle(keeper)
    assert forge.states == [("failure", "cancelled by ann")]


async def test_a_newer_run_waits_for_the_older_ones_status_that_is_being_sent(world: World) -> None:
    forge, intake = Forge(), Intake(world.store, world.bell, world.clock)
    keeper = keeper_of(world, forge)
    await intake.accept(of_one_commit(1), b"{}")
    await keeper.owe()
    sending, now = await debt_of(world), world.clock.now()
    assert await world.store.write(lambda tx: claim(tx, sending, "other", now))
    await intake.accept(of_one_commit(2), b"{}")
    await settle(keeper)
    world.clock.tick(1)
    await settle(keeper)
    assert forge.took == []
    await world.store.write(lambda tx: paid(tx, sending, world.clock.now()))
    world.clock.tick(1)
    await settle(keeper)
    assert forge.states == [("pending", "run #2 is queued")]


async def test_a_newer_run_that_could_tell_nothing_silences_no_older_one(world: World) -> None:
    forge = Forge(Upstream("no", final=True))
    keeper, intake = keeper_of(world, forge), Intake(world.store, world.bell, world.clock)
    first, _ = [(await intake.accept(of_one_commit(n), b"{}")).run_ids[0] for n in (1, 2)]
    await settle(keeper)
    assert ((await debt_of(world, 1)).last_error, (await debt_of(world, 2)).last_error) == (
        "overtaken by run 2",
        "no",
    )
    await Control(world.store, world.bell, world.clock).cancel(first, "ann")
    await settle(keeper)
    assert forge.states == [("failure", "cancelled by ann")]
