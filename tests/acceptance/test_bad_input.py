"""What people get wrong: the webhook is answered all the same, and run and commit say what to mend."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.git_repositories import File, Link
from tests.rig import FakeGitHub, RealServer
from tests.rig.forge import fake_github
from tests.rig.machine import process
from tests.rig.server import SECRET
from tests.rig.stage import come_to_rest, wait_for_delivery

pytestmark = pytest.mark.needs("git")

REPOSITORY = "acme/web"


@dataclass(frozen=True)
class House:
    forge: FakeGitHub
    server: RealServer

    def refuses(self, commit: str, repository: str = REPOSITORY) -> dict[str, object]:
        """The run of a pushed commit, which failed before it had a job, and whose commit says so."""
        run_id = self.server.deliver(self.forge.push(repository, commit, SECRET))
        run = self.server.over(run_id)
        assert (run["status"], run["jobs"]) == ("failure", [])
        shown = self.forge.wait_for(commit, "failure").description
        line = run["reason"].splitlines()[0]
        assert shown.removeprefix("config: ").removesuffix("…") in line
        wait_for_delivery(self.server, run_id)
        return run


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server for them all: no bad input may harm what comes after it."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "forge").mkdir()
    machine = process()
    with (
        fake_github(folder / "forge") as forge,
        RealServer(folder, forge.environment | machine.environment) as server,
    ):
        yield House(forge, server)
        come_to_rest(server, machine)


def described(**jobs: object) -> bytes:
    return json.dumps({"jobs": jobs}).encode()


ECHO = {"steps": [{"run": "echo"}]}
CYCLE = b"""
jobs:
  a: {steps: [run: echo]}
  b: {steps: [run: echo]}
workflows:
  main:
    jobs:
      - a: {requires: [b]}
      - b: {requires: [a]}
"""
CONFIGS: dict[str, tuple[File, list[str]]] = {
    "invalid YAML": (b"jobs: [\n", [".flowforge/ci.yml:2:1"]),
    "an unknown step": (
        b"jobs:\n  a:\n    steps:\n      - chekout\n",
        [".flowforge/ci.yml:4:9", "unknown step `chekout`", "did you mean `checkout`?"],
    ),
    "an unknown job in requires": (
        b"jobs:\n  a: {steps: [run: echo]}\nworkflows:\n  main:\n    jobs:\n      - a: {requires: [nobody]}\n",
        [".flowforge/ci.yml:6:24", "the workflow has no job `nobody`"],
    ),
    "a cycle": (CYCLE, ["these jobs wait for one another: a → b → a"]),
    "a wrong type": (
        b"jobs:\n  a:\n    steps: echo\n",
        [".flowforge/ci.yml:3:12", "`steps` must be a list"],
    ),
    "a link": (Link(b"/etc/passwd"), [".flowforge/ci.yml: ", "link"]),
    "no text": (b"\xff\xfe\x00", [".flowforge/ci.yml"]),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_that_cannot_be_run_is_named_with_its_place(house: House, name: str) -> None:
    file, told = CONFIGS[name]
    run = house.refuses(house.forge.commit(REPOSITORY, {".flowforge/ci.yml": file}))
    assert run["cause"] == "config"
    assert [part for part in told if part not in str(run["reason"])] == [], run["reason"]


def test_all_mistakes_of_a_file_are_named_at_once(house: House) -> None:
    config = b"jobs:\n  a:\n    steps:\n      - chekout\n      - run: {comand: make}\n"
    run = house.refuses(house.forge.commit(REPOSITORY, {".flowforge/ci.yml": config}))
    assert "unknown step `chekout`" in str(run["reason"])
    assert "`comand`" in str(run["reason"])


def test_a_missing_config_is_named(house: House) -> None:
    commit = house.forge.commit(REPOSITORY, {"README": b"nothing to run\n"})
    run = house.refuses(commit)
    assert run["cause"] == "config"
    assert (
        run["reason"]
        == f"there is no .flowforge/ci.yml at commit {commit[:12]}: add one that names at least one job"
    )


@pytest.mark.parametrize("path", ["bitbucket-pipelines.yml", ".gitlab-ci.yml"])
def test_a_config_that_is_another_systems_is_named(house: House, path: str) -> None:
    run = house.refuses(house.forge.commit(REPOSITORY, {path: described(a=ECHO)}))
    assert run["cause"] == "config"
    assert f"{path} is there, but its dialect cannot be run yet" in str(run["reason"])


def test_a_repository_that_is_gone_is_named(house: House) -> None:
    run = house.refuses(f"{7:040x}", "acme/gone")
    assert run["cause"] == "infrastructure"
    assert str(run["reason"]).startswith("the repository cannot be cloned: ")


def test_a_commit_that_is_gone_is_named(house: House) -> None:
    house.forge.commit(REPOSITORY, {"README": b"there\n"})
    run = house.refuses("d" * 40)
    assert run["cause"] == "infrastructure"
    assert str(run["reason"]).startswith("the repository cannot be cloned: ")
