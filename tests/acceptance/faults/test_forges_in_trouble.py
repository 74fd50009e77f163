"""Forges that refuse, break or keep silent hold up themselves alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forge_payloads import NOTHING, Moved
from tests.rig.forges import SmallForge, environment_of, small_forge
from tests.rig.server import SECRET, RealServer

pytestmark = pytest.mark.needs("busybox", "git")

CONFIG = b"jobs: {a: {steps: [run: echo]}}"
NAMES = ("gitlab", "gitea", "forgejo")


@pytest.fixture
def forges(tmp_path: Path) -> Iterator[dict[str, SmallForge]]:
    with (
        small_forge("gitlab", tmp_path / "gitlab") as gitlab,
        small_forge("gitea", tmp_path / "gitea") as gitea,
        small_forge("forgejo", tmp_path / "forgejo") as forgejo,
    ):
        yield {"gitlab": gitlab, "gitea": gitea, "forgejo": forgejo}


def test_statuses_come_later_where_a_forge_is_in_trouble_and_at_once_elsewhere(
    tmp_path: Path, forges: dict[str, SmallForge]
) -> None:
    forges["gitlab"].silence.clear()
    forges["gitea"].refuse += [(429, {"Retry-After": "1"}, b"<html>"), (500, {}, b'{"mess')]
    environment = environment_of(forges) | {"FLOWFORGE_EXECUTOR": "process"}
    with RealServer(tmp_path, environment) as server:
        commits = {}
        for name in NAMES:
            forge = forges[name]
            commits[name] = forge.commit("tools/saw", {".flowforge/ci.yml": CONFIG, "of": name.encode()})
            push = forge.push(Moved(forge.repository("tools/saw", 11), NOTHING, commits[name]), SECRET)
            server.over(server.deliver(push))
        forges["forgejo"].wait_for(commits["forgejo"], "success")
        forges["gitea"].wait_for(commits["gitea"], "success")
        assert not forges["gitlab"].posted
        forges["gitlab"].silence.set()
        forges["gitlab"].wait_for(commits["gitlab"], "success")
