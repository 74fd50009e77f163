"""A pull request of a fork: no secret, and nothing runs before somebody approved exactly that."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.forge_payloads import Asked, Repository, github_pull
from tests.git_repositories import git
from tests.images import image
from tests.rig.forge import FakeGitHub, fake_github
from tests.rig.machine import until
from tests.rig.server import REPOSITORY, SECRET, RealServer

pytestmark = pytest.mark.needs("docker", "busybox", "git")

OURS = 4711
SECRET_VALUE = "only-for-those-we-trust"
CONFIG = """
jobs:
  plain: {{image: {image}, steps: [run: 'echo "{word} key: ${{DEPLOY_KEY-none}}"']}}
  wants: {{image: {image}, secrets: [DEPLOY_KEY], steps: [run: 'echo "key: $DEPLOY_KEY"']}}
fail_fast: false
"""


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeGitHub]:
    with fake_github(tmp_path_factory.mktemp("forge")) as served:
        yield served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, forge: FakeGitHub) -> Iterator[RealServer]:
    environment = forge.environment | {"FLOWFORGE_SECRET_DEPLOY_KEY": SECRET_VALUE}
    with RealServer(tmp_path_factory.mktemp("server"), environment) as started:
        yield started


def config(word: str) -> dict[str, bytes]:
    return {".flowforge/ci.yml": CONFIG.format(image=image("busybox"), word=word).encode()}


def asked(forge: FakeGitHub, word: str, action: str, before: str = "") -> tuple[str, Any]:
    """A new commit of the stranger's, which the forge keeps as the pull request's, and the delivery that says so."""
    commit = forge.commit(REPOSITORY, config(word), branch="strange")
    git(forge.folder / f"{REPOSITORY}.git", "update-ref", "refs/pull/7/head", commit)
    base = f"http://{forge.git.host}"
    ours, theirs = Repository(base, REPOSITORY, OURS), Repository(base, "stranger/web", OURS + 1)
    spoken = github_pull(Asked(ours, theirs, commit, action=action, before=before))
    return commit, forge.signed(spoken.payload, SECRET, event=spoken.event)


def waiting(server: RealServer, forge: FakeGitHub, push: Any, commit: str) -> Any:
    """The run of it, once it and its commit say what they wait for."""
    run_id = server.deliver(push)
    until(lambda: server.run(run_id)["status"] == "waiting", "a run that waits")
    sentence = f"from a fork: waits for an approval of commit {commit[:12]} with this config"
    run = server.run(run_id)
    assert (run["gate"], run["reason"]) == ("approval", sentence)
    assert {job["reason"] for job in run["jobs"]} == {sentence}
    assert sentence in server.flowforge("list", str(run_id)).out
    said = lambda: [(s.state, s.description) for s in forge.statuses if s.commit == commit]  # noqa: E731
    until(lambda: ("pending", sentence) in said(), "the commit saying that it waits")
    return run


def test_a_forks_run_gets_no_secret_and_waits_for_an_approval_of_its_one_commit(
    server: RealServer, forge: FakeGitHub
) -> None:
    first, push = asked(forge, "first", "opened")
    run = waiting(server, forge, push, first)
    path = f"/runs/{run['id']}/approve"
    for role in ("viewer", "developer"):
        assert server.api("POST", path, {}, server.token_of(role)).status == 403
    refused = server.flowforge("approve", str(run["id"]), token=server.token_of("viewer"))
    assert (refused.code, refused.err.count("\n")) == (1, 1)

    second, push = asked(forge, "second", "synchronize", first)
    newer = waiting(server, forge, push, second)
    wrong = server.flowforge("approve", str(newer["id"]), "--commit", first)
    assert (wrong.code, "not what was seen" in wrong.err) == (1, True)
    other = {"commit": second, "config_digest": run["config_digest"]}
    assert server.api("POST", f"/runs/{newer['id']}/approve", other).status == 409
    maintainer = server.token_of("maintainer")
    done = server.flowforge("approve", str(newer["id"]), "--commit", second, token=maintainer)
    assert done.code == 0, done.err
    over = server.over(newer["id"])
    assert over["approval"]["commit"] == second
    assert over["approval"]["by"] == "a maintainer"
    jobs = {job["name"]: (job["status"], job["reason"]) for job in over["jobs"]}
    assert jobs["plain"] == ("success", None)
    assert server.log(newer["id"], "plain") == b"second key: none\n"
    assert jobs["wants"][0] == "failure"
    assert "DEPLOY_KEY" in jobs["wants"][1]
    assert server.run(run["id"])["status"] == "waiting", "the older commit was not approved"

    again = server.api("POST", f"/runs/{newer['id']}/rerun").value["id"]
    assert server.over(again)["approval"]["commit"] == second
    third, push = asked(forge, "third", "synchronize", second)
    waiting(server, forge, push, third)
    assert server.api("POST", path, {"commit": first}).status == 200
    server.over(run["id"])
    assert server.log(run["id"], "plain") == b"first key: none\n"
    assert SECRET_VALUE.encode() not in server.log(run["id"], "plain")
