"""A part of a run again: what runs, what is kept, and what cannot be."""

import pytest

from flowforge.errors import Conflict, NotFound
from flowforge.model.claim import Outcome
from flowforge.model.job_run import JobRun
from flowforge.model.pipeline_config import OnFailure
from flowforge.model.run import Run
from flowforge.model.status import Cause, Status
from flowforge.ports import RunnerLink
from flowforge.services.browse import Browse
from flowforge.services.control import Control
from flowforge.services.links import Links
from flowforge.services.prepare import Preparer
from flowforge.testing.checker import read_history, violations
from flowforge.testing.mirrors import FakeMirrors, FakeRepository
from tests.unit.services.world import REPOSITORY, World, a_token

NEEDS = {"build": "", "lint": "", "test": "build", "ship": "test lint"}
FAILURE = Outcome(status=Status.FAILURE, cause=Cause.EXIT, reason="exit code 1")
SUCCESS = Outcome(status=Status.SUCCESS)


def control_of(world: World) -> Control:
    return Control(world.store, world.bell, world.clock, Links("https://ci.example"))


async def work(link: RunnerLink, *failing: str) -> list[str]:
    """Everything that can be claimed, in order; the log of each says its key."""
    done = []
    while claim := await link.claim(a_token(), 0):
        key = claim.order.key
        await link.append_log(claim.lease, 0, key.encode())
        await link.finish(claim.lease, FAILURE if key in failing else SUCCESS)
        done.append(key)
    return done


async def failed_run(world: World) -> tuple[int, RunnerLink]:
    run_id = await world.planned(NEEDS, on_failure=OnFailure.CONTINUE)
    link = await world.runner()
    assert await work(link, "test") == ["build", "lint", "test"]
    return run_id, link


async def jobs(world: World, run_id: int) -> dict[str, JobRun]:
    return {job.key: job for job in await world.store.read(lambda tx: tx.jobs.of((run_id,)))}


async def test_only_what_failed_and_what_it_held_up_runs_again(world: World) -> None:
    first, link = await failed_run(world)
    again = await control_of(world).rerun_failed(first)
    assert (again.rerun_of, again.attempt, again.number) == (first, 2, 2)
    assert (await world.run(again.id)).config_text == (await world.run(first)).config_text
    old, new = await jobs(world, first), await jobs(world, again.id)
    assert {key: job.kept_from for key, job in new.items()} == {
        "build": old["build"].id,
        "lint": old["lint"].id,
        "test": None,
        "ship": None,
    }
    assert await work(link) == ["test", "ship"]
    assert (await world.run(again.id)).status is Status.SUCCESS
    found = violations(await world.store.read(read_history))
    assert [each for each in found if not each.startswith(("commits_show", "step_sections"))] == []


async def test_the_log_of_a_kept_job_is_read_through_it(world: World) -> None:
    first, link = await failed_run(world)
    browse, control = Browse(world.store, world.clock), control_of(world)
    second = await control.rerun_failed(first)
    await work(link, "test")
    third = await control.rerun_failed(second.id)
    view = await browse.job(third.id, "build")
    assert view.log is not None
    assert (view.log.run, [each.key.number for each in view.attempts]) == (first, [1])
    assert b"".join([chunk async for chunk in world.logs.read(view.log)]) == b"build"


JOBS = """
jobs:
  build: &job
    docker: [{image: busybox}]
    environment: {MINE: "1", OWN: "2"}
    steps: [{run: "true"}, {run: {command: "true", environment: {STEP: "1"}}}]
  lint: *job
"""
NATIVE = {
    "FLOWFORGE_RUN_ID": "{id}",
    "FLOWFORGE_RUN_NUMBER": "{number}",
    "FLOWFORGE_RUN_URL": "https://ci.example/ui/pipelines/{id}",
}
CIRCLECI = NATIVE | {
    "CIRCLE_BUILD_NUM": "{number}",
    "CIRCLE_BUILD_URL": "https://ci.example/ui/pipelines/{id}",
    "CIRCLE_PIPELINE_ID": "{id}",
    "CIRCLE_PIPELINE_NUMBER": "{number}",
    "CIRCLE_WORKFLOW_ID": "{id}",
}


async def names_at_work(link: RunnerLink, key: str, run: Run, told: dict[str, str], outcome: Outcome) -> None:
    """The next job's steps name this run and no other, and find what the pipeline set."""
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    assert claim.order.key == key
    await link.finish(claim.lease, outcome)
    expected = {name: value.format(id=run.id, number=run.number) for name, value in told.items()}
    first, second = ({**step.env} for step in claim.order.steps)
    assert {name: first[name] for name in told} == {name: second[name] for name in told} == expected
    assert (first["CI"], first["MINE"], first["OWN"], second["STEP"]) == ("true", "1", "2", "1")


@pytest.mark.parametrize(
    ("path", "config", "told"),
    [
        (".flowforge/ci.yml", JOBS, NATIVE),
        (
            ".circleci/config.yml",
            "version: 2.1" + JOBS + "workflows: {all: {jobs: [build, lint]}}\n",
            CIRCLECI,
        ),
    ],
)
async def test_each_repetition_names_its_own_run_and_keeps_what_the_pipeline_set(
    world: World, path: str, config: str, told: dict[str, str]
) -> None:
    await world.planned({"other": ""}, number=2)
    await control_of(world).cancel(1, "ann")
    run = await world.run(await world.pushed(1))
    repository = FakeRepository(commits={run.trigger.commit: {path: config.encode()}})
    mirrors = FakeMirrors({REPOSITORY.clone_url: repository})
    links = Links("https://ci.example")
    await Preparer(world.store, mirrors, world.bell, world.clock, links).prepare(run.id)
    link, control = await world.runner(), control_of(world)
    await names_at_work(link, "build", run, told, SUCCESS)
    await names_at_work(link, "lint", run, told, FAILURE)
    run = await control.rerun_failed(run.id)
    await names_at_work(link, "lint", run, told, FAILURE)
    run = await control.rerun_job(run.id, "build")
    await names_at_work(link, "build", run, told, SUCCESS)
    run = await control.rerun_failed(run.id)
    await names_at_work(link, "lint", run, told, SUCCESS)
    assert run.attempt == 4


async def test_one_job_runs_again_and_the_rest_is_as_it_was(world: World) -> None:
    first, link = await failed_run(world)
    again = await control_of(world).rerun_job(first, "test")
    assert await work(link) == ["test"]
    statuses = await world.statuses(again.id)
    assert statuses == {"build": "success", "lint": "success", "test": "success", "ship": "skipped"}
    ship = (await jobs(world, again.id))["ship"]
    assert (ship.cause, ship.reason) == (Cause.NEEDS, "not among the jobs that this run was to repeat")


async def test_a_job_that_succeeded_runs_again_beside_a_failure_that_stays(world: World) -> None:
    first, link = await failed_run(world)
    again = await control_of(world).rerun_job(first, "lint")
    assert await work(link) == ["lint"]
    assert (await world.run(again.id)).status is Status.FAILURE, "test failed and was not repeated"


async def test_a_job_whose_need_failed_cannot_run_again_by_itself(world: World) -> None:
    first, _ = await failed_run(world)
    with pytest.raises(Conflict, match='needs "test", which ended as failure: re-run that first'):
        await control_of(world).rerun_job(first, "ship")
    with pytest.raises(NotFound):
        await control_of(world).rerun_job(first, "none")


async def test_where_nothing_failed_nothing_of_it_runs_again(world: World) -> None:
    run_id = await world.planned({"build": ""})
    with pytest.raises(Conflict, match="is not over"):
        await control_of(world).rerun_failed(run_id)
    await work(await world.runner())
    with pytest.raises(Conflict, match="nothing of run 1 failed"):
        await control_of(world).rerun_failed(run_id)


async def test_a_cancelled_run_goes_on_where_it_was(world: World) -> None:
    run_id = await world.planned(NEEDS)
    link = await world.runner()
    claim = await link.claim(a_token(), 0)
    assert claim is not None
    await link.finish(claim.lease, SUCCESS)
    control = control_of(world)
    await control.cancel(run_id, "ann")
    await control.rerun_failed(run_id)
    assert await work(link) == ["lint", "test", "ship"]
