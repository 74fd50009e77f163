"""kill -9 of a runner on another machine and of its server, at moments nobody chose."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import FakeGitHub, RealServer
from tests.rig.counted import CountedJob
from tests.rig.counter import counting
from tests.rig.machine import Machine, until
from tests.rig.runner import NO_ENGINE, RealRunner, far_runner, free_port
from tests.rig.stage import Stage

MOMENTS = 3
MOMENTS_LONG = 100
LONGEST_LIFE = 1.6
"""Seconds between two kills at most."""
JOBS = (
    CountedJob("lint", lines=2000),
    CountedJob("build", lines=2000),
    CountedJob("test", requires=("build",), steps=3),
)
PROCESSES = pytest.mark.parametrize(
    "machine", [pytest.param("process", marks=pytest.mark.needs("busybox", "git"))], indirect=True
)


@pytest.fixture
def stage(tmp_path: Path, forge: FakeGitHub, machine: Machine) -> Iterator[Stage]:
    settings = {**NO_ENGINE, "PORT": str(free_port())}
    with (
        counting(machine.reach) as counter,
        RealServer(tmp_path, forge.environment | settings) as server,
    ):
        yield Stage(machine, forge, counter, server)


@pytest.fixture
def runner(stage: Stage, tmp_path: Path) -> Iterator[RealRunner]:
    with far_runner(tmp_path / "far", stage.server, stage.machine.environment) as started:
        yield started


@PROCESSES
def test_runs_survive_kills_on_either_side_of_the_link(
    stage: Stage, runner: RealRunner, chance: random.Random, long_form: bool
) -> None:
    for moment in range(MOMENTS_LONG if long_form else MOMENTS):
        if moment % 30 == 0 or all(stage.over(run_id) for run_id in stage.pushed):
            stage.push(*JOBS)
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        sides = ((runner,), (stage.server,), (runner, stage.server))[moment % 3]
        for side in sides:
            side.kill()
        for side in sides:
            side.start()
    for run_id in stage.pushed:
        stage.server.over(run_id, seconds=120)
    until(lambda: not runner.left_behind(), "nothing left behind at the runner", 30)
    stage.account_for_all()
