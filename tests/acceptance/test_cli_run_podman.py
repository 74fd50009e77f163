"""`flowforge run` in Podman, found where Podman keeps its socket: a job with a service, by one command."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.acceptance.test_cli_run import Folder
from tests.engines import OwnEngine, own_podman
from tests.git_repositories import git
from tests.images import image

pytestmark = pytest.mark.needs("podman", "busybox", "git")

ONE_JOB = """
jobs:
  build:
    docker: [{image: flowforge-test/busybox}]
    steps:
      - run: {name: Look, command: cat greeting}
workflows:
  ci:
    jobs: [build]
"""


@pytest.fixture
def podman() -> Iterator[OwnEngine]:
    """In a folder as a user's own, which XDG_RUNTIME_DIR names."""
    with TemporaryDirectory(prefix="flowforge-xdg-") as runtime:
        place = Path(runtime) / "podman"
        place.mkdir()
        with own_podman(place) as engine:
            image("busybox", engine.socket)
            yield engine


def test_a_run_in_podman_is_a_run(podman: OwnEngine, tmp_path: Path) -> None:
    left, repository = tmp_path / "left", tmp_path / "repository"
    left.mkdir()
    repository.mkdir()
    git(repository, "init", "-q")
    folder = Folder(path=repository, executor="podman", left=left)
    folder.write(ONE_JOB)
    done = folder.run("--json", XDG_RUNTIME_DIR=str(podman.socket.parent.parent), DOCKER_HOST="")
    assert done.code == 0, done.err
    assert "jobs run in containers: Podman" in done.err
    assert json.loads(done.out.splitlines()[-1])["status"] == "success"
    assert folder.leftovers(done.pid) == []
