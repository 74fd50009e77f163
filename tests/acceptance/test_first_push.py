"""The whole way from a push to a commit status, on real parts."""

import pytest

from tests.rig import FakeGitHub, RealServer
from tests.rig.server import SECRET

PIPELINE = b"""
jobs:
  build:
    docker: [{image: flowforge-test/busybox}]
    steps:
      - checkout
      - run: cat greeting
  test:
    docker: [{image: flowforge-test/busybox}]
    steps:
      - run: {name: say, command: "echo tested $FLOWFORGE_BRANCH"}
workflows:
  main:
    jobs:
      - build
      - test: {requires: [build]}
"""


@pytest.mark.needs("docker", "busybox", "git")
@pytest.mark.usefixtures("busybox")
def test_a_push_becomes_a_run_a_log_and_a_commit_status(forge: FakeGitHub, server: RealServer) -> None:
    commit = forge.commit("acme/web", {".flowforge/ci.yml": PIPELINE, "greeting": b"hello from the commit\n"})
    run_id = server.deliver(forge.push("acme/web", commit, SECRET))
    run = server.over(run_id)
    assert run["status"] == "success", run
    assert server.log(run_id, "build").endswith(b"hello from the commit\n")
    assert server.log(run_id, "test") == b"tested main\n"
    status = forge.wait_for(commit, "success")
    assert status.description == "2 jobs"
    assert status.target_url == f"{server.url}/ui/pipelines/{run_id}"
    assert forge.states_of(commit)[-1] == "success"
