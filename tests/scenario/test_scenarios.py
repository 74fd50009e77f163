"""NN_name.yml is pushed to the real server, and what comes of it is held to NN_name.json."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.images import KINDS, image
from tests.rig import FakeGitHub, RealServer
from tests.rig.forge import fake_github
from tests.rig.machine import Machine, docker, process
from tests.rig.server import Pushed
from tests.rig.stage import come_to_rest, wait_for_delivery
from tests.scenario.expected import Scenario, differences, scenarios

SETTINGS = {"FLOWFORGE_SECRET_DEPLOY_KEY": "s3cr3t-and-long-enough", "FLOWFORGE_RUNNER_SLOTS": "4"}
NEEDS = {"docker": ("docker", "busybox", "dash", "bash", "git"), "process": ("bash", "busybox", "git")}
SCENARIOS = scenarios()


def parameters() -> list[Any]:
    return [
        pytest.param(on, scenario, id=f"{on}-{scenario.name}", marks=pytest.mark.needs(*NEEDS[on]))
        for on in NEEDS
        for scenario in SCENARIOS
        if on in scenario.on
    ]


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHub]:
    with fake_github(tmp_path_factory.mktemp("forge")) as served:
        yield served


@pytest.fixture(scope="module")
def server_on(
    tmp_path_factory: pytest.TempPathFactory, forge: FakeGitHub
) -> Iterator[Callable[[str], RealServer]]:
    """One for each executor, started when the first scenario wants it; in the end they leave nothing behind."""
    started: dict[str, tuple[RealServer, Machine]] = {}
    with ExitStack() as stack:

        def on(name: str) -> RealServer:
            if name not in started:
                machine = machine_of(name)
                server = RealServer(
                    tmp_path_factory.mktemp(name), forge.environment | machine.environment | SETTINGS
                )
                started[name] = stack.enter_context(server), machine
            return started[name][0]

        yield on
        for server, machine in started.values():
            come_to_rest(server, machine)


def machine_of(name: str) -> Machine:
    if name == "process":
        return process()
    for kind in KINDS:
        image(kind)
    return docker()


@pytest.mark.parametrize(("executor", "scenario"), parameters())
def test_it_comes_as_the_scenario_says(
    forge: FakeGitHub, server_on: Callable[[str], RealServer], executor: str, scenario: Scenario
) -> None:
    server = server_on(executor)
    pushed = server.push(forge, scenario.files)
    run = server.over(pushed.run_id)
    assert differences(scenario, run, logs_of(server, run)) == []
    shown = commit_shows(forge, server, pushed)
    assert shown == scenario.expected.get("commit", shown)


def logs_of(server: RealServer, run: Any) -> dict[str, str]:
    return {
        job["name"]: server.log(run["id"], str(job["id"])).decode() for job in run["jobs"] if job["attempt"]
    }


def commit_shows(forge: FakeGitHub, server: RealServer, pushed: Pushed) -> str:
    """The description of the commit's last status."""
    wait_for_delivery(server, pushed.run_id)
    return [status for status in forge.statuses if status.commit == pushed.commit][-1].description
