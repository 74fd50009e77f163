"""A project's own token and webhook secret, set as a maintainer would, on a real server."""

import base64
from collections.abc import Iterator

import pytest

from flowforge.model.secret import WEBHOOK_SECRET
from tests.forge_payloads import NOTHING, Moved
from tests.rig.forge import Push
from tests.rig.forges import TOKEN, SmallForge, environment_of, small_forge
from tests.rig.server import SECRET, RealServer

pytestmark = pytest.mark.needs("busybox", "git")

OWN = "the-saws-own-token"
CONFIG = b"jobs: {a: {steps: [checkout, run: cat which]}}"


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallForge]:
    with small_forge("github", tmp_path_factory.mktemp("forge")) as served:
        yield served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, forge: SmallForge) -> Iterator[RealServer]:
    environment = environment_of({"github": forge}) | {"FLOWFORGE_EXECUTOR": "process"}
    with RealServer(tmp_path_factory.mktemp("server"), environment) as started:
        yield started


def pushed(forge: SmallForge, name: str, number: int, which: bytes, secret: str = SECRET) -> tuple[str, Push]:
    commit = forge.commit(name, {".flowforge/ci.yml": CONFIG, "which": which})
    return commit, forge.push(Moved(forge.repository(name, number), NOTHING, commit), secret)


def put(server: RealServer, name: str, value: str, kind: str, project: str | None) -> None:
    wanted = {"name": name, "value": value, "kind": kind, "project": project}
    answer = server.api("PUT", "/secrets", wanted)
    assert answer.status == 200, answer.body


def basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


def test_a_project_is_cloned_and_told_of_with_its_own_token_and_another_with_the_settings(
    forge: SmallForge, server: RealServer
) -> None:
    commit, push = pushed(forge, "tools/saw", 11, b"first")
    assert server.over(server.deliver(push))["status"] == "success"
    assert forge.wait_for(commit, "success").authorization == f"Bearer {TOKEN}"

    put(server, "GITHUB_TOKEN", OWN, "forge_token", "tools/saw")
    forge.git.heard.clear()
    forge.git.password = OWN
    commit, push = pushed(forge, "tools/saw", 11, b"second")
    assert server.over(server.deliver(push))["status"] == "success"
    assert forge.wait_for(commit, "success").authorization == f"Bearer {OWN}"
    assert {credential for _, credential in forge.git.heard} <= {"", basic(OWN)}

    forge.git.password = TOKEN
    commit, push = pushed(forge, "tools/axe", 12, b"other")
    assert server.over(server.deliver(push))["status"] == "success"
    assert forge.wait_for(commit, "success").authorization == f"Bearer {TOKEN}"


def test_an_organisations_token_goes_before_the_settings_and_makes_way_for_a_projects(
    forge: SmallForge, server: RealServer
) -> None:
    put(server, "GITHUB_TOKEN", "of-them-all", "forge_token", None)
    forge.git.password = "of-them-all"
    commit, push = pushed(forge, "tools/file", 13, b"any")
    assert server.over(server.deliver(push))["status"] == "success"
    assert forge.wait_for(commit, "success").authorization == "Bearer of-them-all"


def test_a_projects_webhook_secret_counts_at_once_and_so_does_each_change(
    forge: SmallForge, server: RealServer
) -> None:
    def answer(secret: str, number: int) -> int:
        _, push = pushed(forge, "tools/awl", 14, str(number).encode(), secret)
        return server.ask("POST", "/webhook", push.body, push.headers).status

    assert answer(SECRET, 1) == 200
    wanted = ("secrets", "set", WEBHOOK_SECRET, "--kind", "webhook", "--project", "tools/awl")
    for number, secret in enumerate(("the-first-of-its-own", "the-second-of-its-own"), 2):
        done = server.flowforge(*wanted, given=secret)
        assert done.code == 0, done.err
        assert answer(secret, number) == 200
        assert answer(SECRET, number) == 401
    assert answer("the-first-of-its-own", 9) == 401
    assert server.flowforge("secrets", "remove", *wanted[2:]).code == 0
    assert answer(SECRET, 10) == 200
