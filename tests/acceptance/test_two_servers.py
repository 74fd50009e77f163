"""Two servers on one machine: never on one data folder, never in each other's way."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import FakeGitHub, RealServer
from tests.rig.counted import CountedJob
from tests.rig.counter import counting
from tests.rig.machine import Machine
from tests.rig.stage import Stage

FLOWFORGE = Path(sys.executable).with_name("flowforge")
BUILD = CountedJob("build")
ONLY_DOCKER = pytest.mark.parametrize(
    "machine", [pytest.param("docker", marks=pytest.mark.needs("docker", "busybox", "git"))], indirect=True
)


def test_a_second_server_on_the_same_data_is_refused(server: RealServer) -> None:
    second = subprocess.run(
        [FLOWFORGE, "up"],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(server.folder),
            "FLOWFORGE_DATA": str(server.data),
            "PORT": "0",
        },
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    (line,) = second.stderr.strip().splitlines()
    assert "another" in line
    assert server.api("GET", "/runs").status == 200


@pytest.fixture
def other(tmp_path: Path, forge: FakeGitHub, machine: Machine) -> Iterator[Stage]:
    folder = tmp_path / "other"
    folder.mkdir()
    with counting(machine.reach) as counter, RealServer(folder, forge.environment) as server:
        yield Stage(machine, forge, counter, server)


@ONLY_DOCKER
def test_servers_on_one_engine_leave_each_others_jobs_alone(stage: Stage, other: Stage) -> None:
    """A server that starts sweeps what has no owner: not what is another's."""
    for each in (stage, other):
        each.counter.hold(BUILD.word("middle"))
        each.push(BUILD)
        each.counter.wait_for(BUILD.word("middle"))
    stage.restart()
    other.restart()
    for each in (stage, other):
        each.counter.release(BUILD.word("middle"))
        each.account_for_all()


@ONLY_DOCKER
def test_a_run_without_a_server_leaves_the_jobs_of_two_servers_alone(
    stage: Stage, other: Stage, tmp_path: Path
) -> None:
    for each in (stage, other):
        each.counter.hold(BUILD.word("middle"))
        each.push(BUILD)
        each.counter.wait_for(BUILD.word("middle"))
    stage.restart()
    folder = tmp_path / "folder"
    (folder / ".flowforge").mkdir(parents=True)
    config = f"jobs: {{a: {{image: {stage.machine.image}, steps: [run: echo alone]}}}}"
    (folder / ".flowforge" / "ci.yml").write_text(config)
    ran = subprocess.run(
        [FLOWFORGE, "run"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, "alone" in ran.stdout + ran.stderr) == (0, True), ran
    for each in (stage, other):
        each.counter.release(BUILD.word("middle"))
        each.account_for_all()
