"""FlowForge runs its own pipeline: the tracked files of this repository, pushed, and every job of .flowforge/ci.yml."""

import os
from pathlib import Path

import pytest

from tests.git_repositories import Executable, File
from tests.house.source import ROOT, tracked_files
from tests.rig import FakeGitHub, RealServer
from tests.rig.machine import process
from tests.rig.stage import come_to_rest, wait_for_delivery

REPOSITORY = "flowforge/flowforge"
DEADLINE = 600
JOBS = ("lint", "test", "package")


@pytest.fixture
def settings() -> dict[str, str]:
    return process().environment | {"FLOWFORGE_RUNNER_SLOTS": "2"}


def tree() -> dict[str, File]:
    """As it lies here, changes that are not committed included."""
    return {str(path.relative_to(ROOT)): _file(path) for path in tracked_files()}


def _file(path: Path) -> File:
    content = path.read_bytes()
    return Executable(content) if os.access(path, os.X_OK) else content


@pytest.mark.needs("git")
def test_our_own_pipeline_succeeds(forge: FakeGitHub, server: RealServer) -> None:
    empty = server.push(forge, {"README.md": b"Nothing to run yet.\n"}, REPOSITORY)
    server.over(empty.run_id)
    commit = forge.commit(REPOSITORY, tree())
    # By hand, with an input: all tests of the rules run beside this one.
    started = server.api("POST", "/runs", {"project": REPOSITORY, "inputs": {"tests": "tests/unit/engine"}})
    assert started.status == 201, started.body
    run = server.over(started.value["id"], DEADLINE)
    failed = [job["name"] for job in run["jobs"] if job["status"] == "failure"]
    assert not failed, server.log(run["id"], failed[0]).decode()
    assert {job["name"]: job["status"] for job in run["jobs"]} == dict.fromkeys(JOBS, "success")
    wait_for_delivery(server, run["id"])
    assert forge.states_of(commit)[-1] == "success"
    come_to_rest(server, process())
