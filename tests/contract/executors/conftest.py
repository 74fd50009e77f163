from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from flowforge.adapters.executors.docker import DockerExecutor
from flowforge.adapters.executors.process import ProcessExecutor
from flowforge.testing.executor import FakeExecutor
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import ORIGIN, Lodge, new_site
from tests.engines import OwnEngine, own_podman
from tests.images import image
from tests.needs import ENGINE_SOCKET

PROCESS = pytest.param("process")
DOCKER = pytest.param("docker", marks=pytest.mark.needs("docker", "busybox", "bash", "dash"))
PODMAN = pytest.param("podman", marks=pytest.mark.needs("podman", "busybox", "bash", "dash"))


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Other than pytest's own, one that the steps' user may pass, which as root is not ours."""
    with TemporaryDirectory(prefix="flowforge-test-") as folder:
        path = Path(folder)
        path.chmod(0o711)
        yield path


@pytest.fixture
def sources() -> FakeSources:
    return FakeSources({ORIGIN: {"hello.txt": b"hello\n", "deep/er.txt": b"er\n"}})


@pytest.fixture
async def lodge(request: pytest.FixtureRequest, tmp_path: Path, sources: FakeSources) -> AsyncIterator[Lodge]:
    """By the name in `request.param`: fake, process, docker or podman."""
    site = new_site(tmp_path)
    kind = str(request.param)
    if kind == "fake":
        fake = FakeExecutor(sources=sources, workspaces=tmp_path / "work")
        yield Lodge(kind=kind, executor=fake, site=site, sources=sources, fakes=fake)
    elif kind == "process":
        async with ProcessExecutor(site, sources) as process:
            yield Lodge(kind=kind, executor=process, site=site, sources=sources)
            await process.sweep(())
    else:
        engine = request.getfixturevalue("podman").socket if kind == "podman" else ENGINE_SOCKET
        async with DockerExecutor(site, sources, address=f"unix://{engine}") as docker:
            yield Lodge(
                kind=kind,
                executor=docker,
                site=site,
                sources=sources,
                image=image("bash", engine),
                engine=engine,
            )
            await docker.sweep(())


@pytest.fixture(scope="session")
def podman() -> Iterator[OwnEngine]:
    with TemporaryDirectory(prefix="flowforge-podman-") as folder, own_podman(Path(folder)) as engine:
        yield engine


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `lodge` runs in both real ones, unless it says otherwise."""
    marked = any(mark.args[0] == "lodge" for mark in metafunc.definition.iter_markers("parametrize"))
    if "lodge" in metafunc.fixturenames and not marked:
        kinds = getattr(metafunc.module, "KINDS", [PROCESS, DOCKER])
        metafunc.parametrize("lodge", kinds, indirect=True)
