"""Leases on the real server."""

import pytest

from tests.rig import FakeGitHub, RealServer

LONGER_THAN_A_LEASE = b"""
jobs:
  build:
    steps:
      - run: sleep 5
"""


@pytest.fixture
def settings() -> dict[str, str]:
    return {"FLOWFORGE_EXECUTOR": "process", "FLOWFORGE_LEASE_SECONDS": "2"}


@pytest.mark.needs("git")
def test_a_job_outlasts_the_shortest_lease(forge: FakeGitHub, server: RealServer) -> None:
    pushed = server.push(forge, {".flowforge/ci.yml": LONGER_THAN_A_LEASE})
    run = server.over(pushed.run_id)
    assert run["status"] == "success", run
    assert [job["attempt"] for job in run["jobs"]] == [1]
