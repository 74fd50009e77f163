"""Runs that no push starts: by hand, by the clock, because another run ended."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flowforge.engine.state import CancelAsked
from flowforge.errors import BadInput, NotFound
from flowforge.model.inputs import InputSpec, InputType
from flowforge.model.pipeline_config import PipelineConfig
from flowforge.model.plan import Plan
from flowforge.model.push import ForgeRepository
from flowforge.model.run import Run
from flowforge.model.schedule import Schedule, Upstream
from flowforge.model.source import Source
from flowforge.model.trigger import PullRequest, TriggerEvent
from flowforge.ports import Tx
from flowforge.services.control import Control
from flowforge.services.follow import LONGEST_CHAIN, Followers
from flowforge.services.intake import Intake
from flowforge.services.prepare import Config, save_plan
from flowforge.services.progress import move_run
from flowforge.services.start import Wish
from flowforge.services.timetable import FIRST, Timetable
from tests.unit.services.world import REPOSITORY, World, push

PATH = ".flowforge/ci.yml"
HOURLY = Schedule(name="hourly", cron="0 * * * *", inputs={"deep": True})
LIBRARY = replace(REPOSITORY, native_id="43", name="acme/lib")


def config(path: str = PATH, **said: Any) -> Config:
    pipeline = PipelineConfig(name="ci", dialect="native", path=path, jobs=(), **said)
    return Config(path=path, text="jobs: {}", pipeline=pipeline)


async def pushed(world: World, number: int = 1, repository: ForgeRepository = REPOSITORY) -> int:
    happening = push(number, repository=repository, delivery=f"{repository.native_id}-{number}")
    return (await Intake(world.store, world.bell, world.clock).accept(happening, b"{}")).run_ids[0]


async def planned(world: World, run_id: int, config: Config) -> None:
    """Without jobs: its run is over at once."""
    source = Source(origin="https://github.example/acme/web.git", commit="c" * 40)
    now = world.clock.now()
    await world.store.write(lambda tx: save_plan(tx, run_id, source, config, Plan(jobs=()), now))


async def defined(world: World, repository: ForgeRepository = REPOSITORY, **said: Any) -> int:
    run_id = await pushed(world, repository=repository)
    await planned(world, run_id, config(**said))
    return run_id


async def newest(world: World) -> Run:
    return (await world.store.read(lambda tx: tx.runs.newest(1)))[0]


async def count(world: World) -> int:
    return len(await world.store.read(lambda tx: tx.runs.newest(1000)))


def control(world: World) -> Control:
    return Control(world.store, world.bell, world.clock)


class TestByHand:
    async def test_a_run_of_the_default_branch_is_started(self, world: World) -> None:
        await defined(world)
        run = await control(world).start(Wish(project="acme/web"), TriggerEvent.MANUAL, "ann")
        trigger = run.trigger
        assert (run.number, trigger.event, trigger.author) == (2, TriggerEvent.MANUAL, "ann")
        assert (trigger.ref, trigger.branch, trigger.commit) == ("refs/heads/main", "main", "")
        assert list(await world.store.read(lambda tx: tx.runs.unplanned())) == [run.id]

    async def test_inputs_get_the_types_that_the_pipeline_declares(self, world: World) -> None:
        await defined(world, inputs=(InputSpec(name="deep", type=InputType.BOOLEAN),))
        run = await control(world).start(
            Wish(project="acme/web", inputs={"deep": "true"}), TriggerEvent.API, "ann"
        )
        assert run.trigger.inputs == {"deep": True}

    async def test_an_input_that_will_not_do_is_named_at_once(self, world: World) -> None:
        await defined(world, inputs=(InputSpec(name="deep", type=InputType.BOOLEAN),))
        with pytest.raises(BadInput) as caught:
            await control(world).start(Wish(project="acme/web", inputs={"deep": 7}), TriggerEvent.API, "ann")
        assert caught.value.field == "inputs.deep"
        assert await count(world) == 1

    async def test_another_branch_says_itself_what_it_takes(self, world: World) -> None:
        await defined(world, inputs=(InputSpec(name="deep", type=InputType.BOOLEAN),))
        wish = Wish(project="acme/web", ref="refs/heads/old", inputs={"shallow": "yes"})
        run = await control(world).start(wish, TriggerEvent.API, "ann")
        assert (run.trigger.branch, run.trigger.inputs) == ("old", {"shallow": "yes"})

    async def test_a_pipeline_can_be_named(self, world: World) -> None:
        await defined(world)
        run = await control(world).start(Wish(project="acme/web", path=PATH), TriggerEvent.API, "ann")
        assert run.pipeline_id == 1

    @pytest.mark.parametrize(
        "ref", ["refs/pull/7/head", "refs/merge-requests/7/head", "refs/changes/7", "main"]
    )
    async def test_only_a_branch_or_a_tag_can_be_run(self, world: World, ref: str) -> None:
        await defined(world)
        with pytest.raises(BadInput, match=r"only a branch \(refs/heads/…\) or a tag") as caught:
            await control(world).start(Wish(project="acme/web", ref=ref), TriggerEvent.MANUAL, "ann")
        assert caught.value.field == "ref"
        assert await count(world) == 1

    @pytest.mark.parametrize("wish", [Wish(project="acme/none"), Wish(project="acme/web", path="other.yml")])
    async def test_what_is_not_there_is_not_found(self, world: World, wish: Wish) -> None:
        await defined(world)
        with pytest.raises(NotFound):
            await control(world).start(wish, TriggerEvent.API, "ann")


class TestByTheClock:
    async def test_what_is_due_is_started_once_and_its_next_time_noted(self, world: World) -> None:
        await defined(world, schedules=(HOURLY,))
        timetable = Timetable(world.store, world.bell, world.clock)
        assert not await timetable.start_due()
        world.clock.tick(3600)
        assert await timetable.start_due()
        assert not await timetable.start_due()
        trigger = (await newest(world)).trigger
        assert (trigger.event, trigger.branch, trigger.inputs) == (
            TriggerEvent.SCHEDULE,
            "main",
            {"deep": True},
        )

    async def test_what_was_missed_is_made_up_for_once(self, world: World) -> None:
        await defined(world, schedules=(HOURLY,))
        world.clock.tick(timedelta(days=3).total_seconds())
        timetable = Timetable(world.store, world.bell, world.clock)
        while await timetable.start_due():
            pass
        assert await count(world) == 2

    async def test_each_named_branch_gets_its_run(self, world: World) -> None:
        await defined(world, schedules=(replace(HOURLY, branches=("main", "next")),))
        world.clock.tick(3600)
        await Timetable(world.store, world.bell, world.clock).start_due()
        runs = await world.store.read(lambda tx: tx.runs.newest(2))
        assert {run.trigger.branch for run in runs} == {"main", "next"}

    @pytest.mark.parametrize(("moved", "late"), [(24 * 365, 4), (1, 1)])
    async def test_a_clock_that_was_far_ahead_keeps_no_schedule_waiting_and_starts_none_twice(
        self, world: World, moved: int, late: int
    ) -> None:
        world.clock.jump(moved * 3600)
        await defined(world, schedules=(HOURLY,))
        timetable = Timetable(world.store, world.bell, world.clock)
        ahead = await timetable.heed_clock(FIRST)
        now = world.clock.jump(-moved * 3600)
        assert await timetable.heed_clock(ahead) == now
        at = await world.store.read(lambda tx: tx.timers.next_at())
        assert at
        assert at - now <= timedelta(hours=late + 1)
        assert at - now > timedelta(hours=min(late, 3))
        assert await timetable.heed_clock(now) == now
        assert await world.store.read(lambda tx: tx.timers.next_at()) == at

    @pytest.mark.parametrize(
        "schedule",
        [replace(HOURLY, cron="never"), replace(HOURLY, zone="Nowhere"), replace(HOURLY, cron="0 0 30 2 *")],
    )
    async def test_a_schedule_that_never_comes_waits_for_nothing(
        self, world: World, schedule: Schedule
    ) -> None:
        await defined(world, schedules=(schedule,))
        assert await world.store.read(lambda tx: tx.timers.next_at()) is None

    async def test_the_newest_config_of_the_default_branch_counts(self, world: World) -> None:
        first, second = await pushed(world, 1), await pushed(world, 2)
        await planned(world, second, config(schedules=(replace(HOURLY, name="new"),)))
        await planned(world, first, config(schedules=(replace(HOURLY, name="old"),)))
        world.clock.tick(3600)
        due = await world.store.read(lambda tx: tx.timers.due(world.clock.now(), 9))
        assert [timer.schedule.name for timer in due] == ["new"]

    async def test_a_config_that_moved_takes_its_timers_along(self, world: World) -> None:
        await defined(world, schedules=(HOURLY,), upstreams=(Upstream(project="acme/lib"),))
        moved = await pushed(world, 2)
        await planned(world, moved, config(path=".popsicle/ci.yml"))
        assert await world.store.read(lambda tx: tx.timers.next_at()) is None
        assert not await world.store.read(lambda tx: tx.pipelines.following())

    @pytest.mark.parametrize(("commit", "names"), [("", ["new"]), ("a" * 40, ["old"])])
    async def test_by_hand_only_the_branchs_newest_commit_defines_anything(
        self, world: World, commit: str, names: list[str]
    ) -> None:
        await defined(world, schedules=(replace(HOURLY, name="old"),))
        wish = Wish(project="acme/web", commit=commit)
        run = await control(world).start(wish, TriggerEvent.API, "ann")
        await planned(world, run.id, config(schedules=(replace(HOURLY, name="new"),)))
        world.clock.tick(3600)
        due = await world.store.read(lambda tx: tx.timers.due(world.clock.now(), 9))
        assert [timer.schedule.name for timer in due] == names

    @pytest.mark.parametrize("change", ["branch", "pull request", "re-run"])
    async def test_no_other_run_defines_anything(self, world: World, change: str) -> None:
        run_id = await pushed(world)

        def alter(tx: Tx) -> None:
            run = tx.runs.get(run_id)
            assert run is not None
            pull = PullRequest(number=1, target="main", fork=True)
            altered = {
                "branch": replace(run, trigger=replace(run.trigger, ref="refs/heads/other")),
                "pull request": replace(
                    run, trigger=replace(run.trigger, event=TriggerEvent.PULL_REQUEST, pull_request=pull)
                ),
                "re-run": replace(run, rerun_of=1),
            }
            tx.runs.save(altered[change])

        await world.store.write(alter)
        await planned(world, run_id, config(schedules=(HOURLY,)))
        assert await world.store.read(lambda tx: tx.timers.next_at()) is None

    async def test_a_schedule_that_comes_no_more_starts_its_run_and_is_gone(self, world: World) -> None:
        await defined(world, schedules=(HOURLY,))
        once = replace(HOURLY, cron="0 0 30 2 *")

        def alter(tx: Tx) -> None:
            (timer,) = tx.timers.due(world.clock.tick(3600), 9)
            tx.timers.save(replace(timer, schedule=once))

        await world.store.write(alter)
        before = await count(world)
        await Timetable(world.store, world.bell, world.clock).start_due()
        assert await count(world) == before + 1
        assert await world.store.read(lambda tx: tx.timers.next_at()) is None


class TestWhenAnotherRunEnds:
    async def follow(self, world: World) -> None:
        followers = Followers(world.store, world.bell, world.clock)
        while await followers.follow():
            pass

    async def test_a_pipeline_starts_when_the_one_it_waits_for_succeeded(self, world: World) -> None:
        await defined(world, upstreams=(Upstream(project="acme/lib", pipeline="ci", branches=("main",)),))
        upstream = await defined(world, LIBRARY)
        await self.follow(world)
        run = await newest(world)
        assert (run.project_id, run.trigger.event, run.trigger.caused_by) == (
            1,
            TriggerEvent.UPSTREAM,
            upstream,
        )
        assert run.trigger.title == "acme/lib run #1 ended as success"
        await self.follow(world)
        assert await count(world) == 3

    @pytest.mark.parametrize(
        "upstream",
        [
            Upstream(project="acme/other"),
            Upstream(project="acme/lib", pipeline="deploy"),
            Upstream(project="acme/lib", branches=("next",)),
            Upstream(project="acme/lib", statuses=("failure",)),
            Upstream(),
        ],
    )
    async def test_another_end_starts_nothing(self, world: World, upstream: Upstream) -> None:
        await defined(world, upstreams=(upstream,))
        await self.follow(world)
        before = await count(world)
        await defined(world, LIBRARY)
        await self.follow(world)
        assert await count(world) == before + 1

    async def test_what_ended_before_the_pipeline_came_to_follow_starts_nothing(self, world: World) -> None:
        """Nobody followed, so nobody read: those ends are still in the stream."""
        await defined(world, LIBRARY)
        await self.follow(world)
        await defined(world, upstreams=(Upstream(project="acme/lib"),))
        await self.follow(world)
        assert await count(world) == 2
        later = await pushed(world, 2, LIBRARY)
        await planned(world, later, config())
        await self.follow(world)
        assert (await newest(world)).trigger.caused_by == later

    async def test_a_second_follower_takes_nothing_from_the_first(self, world: World) -> None:
        await defined(world, upstreams=(Upstream(project="acme/lib"),))
        upstream = await defined(world, LIBRARY)
        other = replace(REPOSITORY, native_id="44", name="acme/app")
        await defined(world, other, upstreams=(Upstream(project="acme/app"),))
        await self.follow(world)
        causes = [run.trigger.caused_by for run in await world.store.read(lambda tx: tx.runs.newest(9))]
        assert upstream in causes

    async def test_any_end_that_was_asked_for_counts(self, world: World) -> None:
        await defined(world, upstreams=(Upstream(project="acme/lib", statuses=("cancelled",)),))
        run_id = await pushed(world, repository=LIBRARY)
        now = world.clock.now()
        await world.store.write(lambda tx: move_run(tx, run_id, CancelAsked(reason="enough"), now))
        await self.follow(world)
        assert (await newest(world)).trigger.caused_by == run_id

    async def test_pipelines_that_start_each_other_come_to_an_end(self, world: World) -> None:
        await defined(world, upstreams=(Upstream(),))
        for _ in range(LONGEST_CHAIN + 3):
            await self.follow(world)
            for run_id in await world.store.read(lambda tx: tx.runs.unplanned()):
                await planned(world, run_id, config(upstreams=(Upstream(),)))
        assert await count(world) == LONGEST_CHAIN + 1
