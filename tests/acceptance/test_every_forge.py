"""From a signed webhook of every forge to the status that the forge shows, on private repositories."""

import base64
from collections.abc import Iterator

import pytest

from tests.forge_payloads import DIALECTS, NOTHING, Asked, Moved
from tests.rig.forges import TOKEN, SmallForge, environment_of, small_forges
from tests.rig.server import SECRET, RealServer

pytestmark = pytest.mark.needs("busybox", "git")

CONFIG = b"jobs: {a: {steps: [checkout, run: echo $FLOWFORGE_BRANCH]}}"
SUCCESS = {
    "github": "success",
    "gitlab": "success",
    "bitbucket": "SUCCESSFUL",
    "gitea": "success",
    "forgejo": "success",
}
PENDING = dict.fromkeys(SUCCESS, "pending") | {"bitbucket": "INPROGRESS"}
AUTHORIZATION = dict.fromkeys(SUCCESS, f"Bearer {TOKEN}") | {
    "gitea": f"token {TOKEN}",
    "forgejo": f"token {TOKEN}",
}
PATHS = {
    "github": "/repos/tools/saw/statuses/{}",
    "gitlab": "/api/v4/projects/11/statuses/{}",
    "bitbucket": "/2.0/repositories/tools/saw/commit/{}/statuses/build",
    "gitea": "/api/v1/repos/tools/saw/statuses/{}",
    "forgejo": "/api/v1/repos/tools/saw/statuses/{}",
}


@pytest.fixture(scope="module")
def forges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SmallForge]]:
    with small_forges(tmp_path_factory.mktemp("forges")) as served:
        yield served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, forges: dict[str, SmallForge]) -> Iterator[RealServer]:
    environment = environment_of(forges) | {"FLOWFORGE_EXECUTOR": "process"}
    with RealServer(tmp_path_factory.mktemp("server"), environment) as started:
        yield started


@pytest.fixture(params=sorted(DIALECTS))
def forge(request: pytest.FixtureRequest, forges: dict[str, SmallForge]) -> SmallForge:
    return forges[request.param]


def test_a_push_to_a_private_repository_is_run_and_its_status_shown(
    forge: SmallForge, server: RealServer
) -> None:
    name = forge.dialect.name
    commit = forge.commit("tools/saw", {".flowforge/ci.yml": CONFIG})
    saw = forge.repository("tools/saw", 11)
    run_id = server.deliver(forge.push(Moved(saw, NOTHING, commit), SECRET))
    run = server.over(run_id)
    assert run["status"] == "success", run
    assert server.log(run_id, "a").endswith(b"main\n")
    shown = forge.wait_for(commit, SUCCESS[name])
    assert (shown.path, shown.authorization) == (PATHS[name].format(commit), AUTHORIZATION[name])
    assert f"{server.url}/ui/pipelines/{run_id}" in shown.body.values()


def test_a_pull_request_of_a_fork_is_fetched_and_shown_at_its_commit(
    forge: SmallForge, server: RealServer
) -> None:
    name = forge.dialect.name
    forge.commit("tools/saw", {".flowforge/ci.yml": CONFIG})
    ref = forge.dialect.pull_ref.format(7)
    changed: dict[str, bytes] = {".flowforge/ci.yml": CONFIG, "new": name.encode()}
    commit = (
        forge.commit("tools/saw", changed, ref)
        if ref
        else forge.commit("stranger/saw", changed, "refs/heads/topic")
    )
    asked = Asked(forge.repository("tools/saw", 11), forge.repository("stranger/saw", 12), commit)
    run_id = server.deliver(forge.pull(asked, SECRET))
    forge.wait_for(commit, PENDING[name])
    run = server.run(run_id)
    assert (run["event"], run["commit"], run["branch"]) == ("pull_request", commit, "topic")


def test_the_clone_bears_the_forges_own_credential_and_no_secret_is_told(
    forge: SmallForge, server: RealServer
) -> None:
    pair = base64.b64encode(f"{forge.dialect.clone_user}:{TOKEN}".encode()).decode()
    assert {credential for _, credential in forge.git.heard} <= {"", f"Basic {pair}"}
    for text in (server.errors(), *(str(server.run(run["id"])) for run in _runs(server))):
        assert TOKEN not in text
        assert pair not in text


def _runs(server: RealServer) -> list[dict[str, int]]:
    listed: list[dict[str, int]] = server.api("GET", "/runs?limit=100").value["items"]
    return listed


@pytest.mark.parametrize("change", ["none", "wrong", "doubled"])
def test_what_is_not_signed_leaves_no_trace(forge: SmallForge, server: RealServer, change: str) -> None:
    commit = "d" * 40
    push = forge.push(Moved(forge.repository("tools/saw", 11), NOTHING, commit), SECRET)
    signature = forge.dialect.signature
    headers = {k: v for k, v in push.headers.items() if "Signature" not in k and k != signature}
    given = {
        "none": {},
        "wrong": {signature: "0" * 64},
        "doubled": {signature: f"{push.headers[signature]}, x"},
    }
    before = len(_runs(server))
    answer = server.ask("POST", "/webhook", push.body, headers | given[change])
    assert answer.status == 401
    assert len(_runs(server)) == before
