"""NN_name.yml is pushed to the real server, and what comes of it is held to NN_name.json."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.images import KINDS, image
from tests.rig import FakeGitHub, RealServer
from tests.rig.forge import fake_github
from tests.rig.machine import Machine, docker, process
from tests.rig.server import Pushed
from tests.rig.stage import come_to_rest, wait_for_delivery
from tests.scenario.expected import Scenario, differences, scenarios

SECRETS = {"FLOWFORGE_SECRET_DEPLOY_KEY": "s3cr3t-and-long-enough"}
NEEDS = {"docker": ("docker", "busybox", "dash", "bash", "git"), "process": ("bash", "busybox", "git")}
SCENARIOS = scenarios()


def parameters() -> list[Any]:
    """Grouped by executor, so that one server serves all scenarios of its own."""
    return [
        pytest.param(on, scenario, id=f"{on}-{scenario.name}", marks=pytest.mark.needs(*NEEDS[on]))
        for on in NEEDS
        for scenario in SCENARIOS
        if on in scenario.on
    ]


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest) -> Machine:
    if request.param == "process":
        return process()
    for kind in KINDS:
        image(kind)
    return docker()


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHub]:
    with fake_github(tmp_path_factory.mktemp("forge")) as served:
        yield served


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, forge: FakeGitHub, machine: Machine
) -> Iterator[RealServer]:
    environment = forge.environment | machine.environment | SECRETS
    environment["FLOWFORGE_RUNNER_SLOTS"] = "4"
    with RealServer(tmp_path_factory.mktemp(machine.name), environment) as started:
        yield started
        come_to_rest(started, machine)


@pytest.mark.parametrize(("machine", "scenario"), parameters(), indirect=["machine"])
def test_it_comes_as_the_scenario_says(forge: FakeGitHub, server: RealServer, scenario: Scenario) -> None:
    pushed = server.push(forge, scenario.files)
    run = server.over(pushed.run_id)
    assert differences(scenario, run, logs_of(server, run)) == []
    shown = commit_shows(forge, server, pushed)
    assert shown == scenario.expected.get("commit", shown)


def logs_of(server: RealServer, run: Any) -> dict[str, str]:
    return {job["name"]: server.log(run["id"], job["name"]).decode() for job in run["jobs"] if job["attempt"]}


def commit_shows(forge: FakeGitHub, server: RealServer, pushed: Pushed) -> str:
    """The description of the commit's last status."""
    wait_for_delivery(server, pushed.run_id)
    return [status for status in forge.statuses if status.commit == pushed.commit][-1].description
