from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import image
from tests.rig.forge import FakeGitHub, fake_github
from tests.rig.server import RealServer


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[FakeGitHub]:
    folder = tmp_path / "forge"
    folder.mkdir()
    with fake_github(folder) as served:
        yield served


@pytest.fixture
def server(tmp_path: Path, forge: FakeGitHub) -> Iterator[RealServer]:
    with RealServer(tmp_path, dict(forge.environment)) as started:
        yield started


@pytest.fixture(scope="session")
def busybox() -> str:
    """An image, made here."""
    return image("busybox")
