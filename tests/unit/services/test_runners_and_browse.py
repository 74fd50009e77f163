"""Runners registered, runs and projects looked at."""

from datetime import timedelta

import pytest

from flowforge.errors import BadInput, NotFound
from flowforge.model.claim import StepReport
from flowforge.model.runner import RunnerStatus
from flowforge.model.status import Status
from flowforge.services.browse import Browse, RunFilter
from flowforge.services.runners import Runners, status_of
from tests.unit.services.world import World, a_token


async def test_a_runner_is_registered_with_its_labels(world: World) -> None:
    runner = await Runners(world.store, world.clock).register("10.0.0.5", ["linux", "linux", "amd64"])
    assert (runner.host, runner.labels) == ("10.0.0.5", ("linux", "amd64"))
    assert status_of(runner, world.clock.now()) is RunnerStatus.REGISTERED


async def test_the_same_host_again_gets_its_new_labels(world: World) -> None:
    runners = Runners(world.store, world.clock)
    first = await runners.register("10.0.0.5", ["a"])
    second = await runners.register("10.0.0.5", ["b"])
    assert (first.id, second.labels) == (second.id, ("b",))
    assert len(await runners.all()) == 1


@pytest.mark.parametrize("host", ["", "-oProxyCommand=x", "a b", "a;b", "x" * 254, "höst"])
async def test_a_host_that_is_none_is_refused(world: World, host: str) -> None:
    with pytest.raises(BadInput) as refused:
        await Runners(world.store, world.clock).register(host, [])
    assert refused.value.field == "host"


@pytest.mark.parametrize("host", ["local", " LOCAL "])
async def test_the_servers_own_runner_keeps_its_name_to_itself(world: World, host: str) -> None:
    runners = Runners(world.store, world.clock)
    with pytest.raises(BadInput, match="server's own runner") as refused:
        await runners.register(host, [])
    assert refused.value.field == "host"
    await runners.enrol_local(2, "docker")
    await runners.register("localhost", ["linux"])
    assert [(runner.name, runner.labels) for runner in await runners.all()] == [("local", ("linux",))]


@pytest.mark.parametrize("labels", [[""], ["a b"], ["x" * 64], [str(n) for n in range(33)]])
async def test_labels_that_are_none_are_refused(world: World, labels: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        await Runners(world.store, world.clock).register("10.0.0.5", labels)
    assert refused.value.field == "labels"


async def test_the_local_runner_is_enrolled_once(world: World) -> None:
    runners = Runners(world.store, world.clock)
    first = await runners.enrol_local(2, "docker")
    second = await runners.enrol_local(4, "process")
    assert (first.id, second.slots, second.executor) == (second.id, 4, "process")


async def test_a_runner_that_was_seen_lately_is_online(world: World) -> None:
    link = await world.runner()
    await link.claim(a_token(), 0)
    (runner,) = await Runners(world.store, world.clock).all()
    assert status_of(runner, world.clock.now()) is RunnerStatus.ONLINE
    assert status_of(runner, world.clock.now() + timedelta(minutes=5)) is RunnerStatus.OFFLINE


async def test_runs_come_newest_first_in_pages_that_do_not_overlap(world: World) -> None:
    for number in range(1, 6):
        await world.pushed(number)
    browse = Browse(world.store, world.clock)
    first = await browse.runs(2)
    second = await browse.runs(2, first.after)
    third = await browse.runs(2, second.after)
    assert [[view.run.id for view in page.items] for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert third.after is None


async def test_runs_are_filtered(world: World) -> None:
    await world.pushed()
    browse = Browse(world.store, world.clock)
    assert len((await browse.runs(9, where=RunFilter(branch="main", status="pending"))).items) == 1
    assert (await browse.runs(9, where=RunFilter(branch="other"))).items == ()
    assert (await browse.runs(9, where=RunFilter(project_id=9))).items == ()


async def test_a_run_shows_its_jobs_with_the_steps_of_their_newest_attempt(world: World) -> None:
    run_id = await world.planned({"build": "", "test": "build"})
    link = await world.runner()
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    await link.report(claim.lease, [StepReport(index=0, status=Status.RUNNING)])
    view = await Browse(world.store, world.clock).run(run_id)
    assert view.jobs is not None
    build, test = view.jobs
    assert ([step.status for step in build.steps], build.log) == ([Status.RUNNING], claim.lease.attempt)
    assert (test.steps, test.log) == ((), None)


async def test_a_job_is_found_by_its_key_and_its_id_within_its_run_only(world: World) -> None:
    run_id = await world.planned({"build": ""})
    other = await world.planned({"lint": ""}, number=2)
    browse = Browse(world.store, world.clock)
    by_key = await browse.job(run_id, "build")
    assert (await browse.job(run_id, str(by_key.job.id))) == by_key
    for run, job in ((other, "build"), (other, str(by_key.job.id)), (99, "build")):
        with pytest.raises(NotFound):
            await browse.job(run, job)


async def test_projects_show_their_newest_runs(world: World) -> None:
    for number in range(1, 4):
        await world.pushed(number)
    page = await Browse(world.store, world.clock).projects(10, runs=2)
    (view,) = page.items
    assert (view.project.name, [run.id for run in view.runs], page.after) == ("acme/web", [3, 2], None)
    assert (await Browse(world.store, world.clock).project("acme/web")).id == view.project.id
    with pytest.raises(NotFound):
        await Browse(world.store, world.clock).project("acme/none")


async def test_an_unknown_run_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await Browse(world.store, world.clock).run(1)
