"""A runner on another machine, its server, and what may die between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import FakeGitHub, RealServer
from tests.rig.counted import CountedJob
from tests.rig.counter import counting
from tests.rig.machine import Machine, has_ended, until
from tests.rig.runner import NO_ENGINE, RealRunner, far_runner, free_port
from tests.rig.stage import Stage

BUILD = CountedJob("build")
TEST = CountedJob("test", requires=("build",), steps=1)
PROCESSES = pytest.mark.parametrize(
    "machine", [pytest.param("process", marks=pytest.mark.needs("busybox", "git"))], indirect=True
)


@pytest.fixture
def settings() -> dict[str, str]:
    """A port that is the same after a restart."""
    return {**NO_ENGINE, "PORT": str(free_port())}


@pytest.fixture
def stage(tmp_path: Path, forge: FakeGitHub, machine: Machine, settings: dict[str, str]) -> Iterator[Stage]:
    with (
        counting(machine.reach) as counter,
        RealServer(tmp_path, forge.environment | settings) as server,
    ):
        yield Stage(machine, forge, counter, server)


@pytest.fixture
def runner(stage: Stage, tmp_path: Path) -> Iterator[RealRunner]:
    environment = {"FLOWFORGE_EXECUTOR": stage.machine.name}
    with far_runner(tmp_path / "far", stage.server, environment) as started:
        yield started


def account_for_all(stage: Stage, runner: RealRunner) -> None:
    stage.server.over(next(iter(stage.pushed)), seconds=60)
    until(lambda: not runner.left_behind(), "nothing left behind at the runner")
    stage.account_for_all()


def test_a_killed_runner_adopts_its_jobs_when_it_comes_back(stage: Stage, runner: RealRunner) -> None:
    stage.counter.hold(BUILD.word("middle"))
    stage.push(BUILD, TEST)
    stage.counter.wait_for(BUILD.word("middle"))
    runner.kill()
    stage.counter.release(BUILD.word("middle"))
    runner.start()
    account_for_all(stage, runner)


@PROCESSES
def test_a_result_is_delivered_when_the_server_was_down_as_the_job_ended(
    stage: Stage, runner: RealRunner
) -> None:
    """And the runner was killed as well before it could tell."""
    last = BUILD.word("end", 1)
    stage.counter.hold(last)
    stage.push(BUILD)
    stage.counter.wait_for(last)
    stage.server.kill()
    (room,) = runner.rooms()
    stage.counter.release(last)
    until(lambda: has_ended(room), "the end of the job")
    runner.kill()
    runner.start()
    stage.server.start()
    account_for_all(stage, runner)


@PROCESSES
def test_a_drained_runner_ends_its_jobs_and_takes_no_more(stage: Stage, runner: RealRunner) -> None:
    stage.counter.hold(BUILD.word("middle"))
    run_id = stage.push(BUILD, TEST)
    stage.counter.wait_for(BUILD.word("middle"))
    runner.tell_to_stop()
    stage.counter.release(BUILD.word("middle"))
    assert runner.ended() == 0
    jobs = {job["key"]: job["status"] for job in stage.server.run(run_id)["jobs"]}
    assert jobs == {"build": "success", "test": "pending"}
    runner.start()
    account_for_all(stage, runner)


class TestAShortLease:
    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {**NO_ENGINE, "PORT": str(free_port()), "FLOWFORGE_LEASE_SECONDS": "5"}

    @PROCESSES
    def test_a_job_whose_runner_stays_away_is_tried_again_elsewhere(
        self, stage: Stage, runner: RealRunner, tmp_path: Path
    ) -> None:
        stage.counter.hold(BUILD.word("middle"))
        run_id = stage.push(BUILD)
        stage.counter.wait_for(BUILD.word("middle"))
        runner.kill()
        with far_runner(tmp_path / "other", stage.server, runner.environment, "10.0.0.6"):
            stage.counter.release(BUILD.word("middle"))
            run = stage.server.over(run_id)
            runner.start()
            until(lambda: not runner.left_behind(), "nothing left behind at the runner")
        assert run["status"] == "success", run
        (job,) = run["jobs"]
        assert job["runner"] == "10.0.0.6"
        assert job["attempt"] > 1
        assert stage.server.log(run_id, "build") == BUILD.log
