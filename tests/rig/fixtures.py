"""Fixtures of the tests that run the real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import image
from tests.rig import machine as machines
from tests.rig.clock import WallClock
from tests.rig.counter import counting
from tests.rig.forge import FakeGitHub, fake_github
from tests.rig.machine import Machine
from tests.rig.server import RealServer
from tests.rig.stage import Stage

DOCKER = pytest.param("docker", marks=pytest.mark.needs("docker", "busybox", "git"))
PROCESS = pytest.param("process", marks=pytest.mark.needs("busybox", "git"))


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[FakeGitHub]:
    folder = tmp_path / "forge"
    folder.mkdir()
    with fake_github(folder) as served:
        yield served


@pytest.fixture
def settings() -> dict[str, str]:
    """What a module's servers are told; override it where that matters."""
    return {}


@pytest.fixture
def server(tmp_path: Path, forge: FakeGitHub, settings: dict[str, str]) -> Iterator[RealServer]:
    with RealServer(tmp_path, forge.environment | settings) as started:
        yield started


@pytest.fixture(scope="session")
def busybox() -> str:
    """An image, made here."""
    return image("busybox")


@pytest.fixture
def wall_clock(tmp_path: Path) -> WallClock:
    """A server that is given its environment goes by it."""
    moved = WallClock(tmp_path)
    moved.make()
    return moved


@pytest.fixture(params=[DOCKER, PROCESS])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Containers, then processes."""
    return machines.docker() if request.param == "docker" else machines.process()


@pytest.fixture
def stage(tmp_path: Path, forge: FakeGitHub, machine: Machine, settings: dict[str, str]) -> Iterator[Stage]:
    """A server whose jobs run on `machine` and tell a counter what they do."""
    environment = forge.environment | machine.environment | settings
    with counting(machine.reach) as counter, RealServer(tmp_path, environment) as server:
        yield Stage(machine, forge, counter, server)
