"""An engine that goes away while a job runs: the job does not need it, and neither does its watcher."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from flowforge.adapters.executors.docker import DockerExecutor
from flowforge.adapters.executors.docker import executor as docker_executor
from flowforge.errors import EngineUnavailable
from flowforge.model.status import Status
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import KEY, Lodge, Pail, Story, new_site, until
from tests.images import image
from tests.needs import ENGINE_SOCKET

pytestmark = pytest.mark.needs("docker", "busybox")


class Doorway:
    """Stands between us and the engine, and can be shut."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self._path = path
        self._server: asyncio.Server | None = None

    @asynccontextmanager
    async def working(self) -> AsyncIterator["Doorway"]:
        await self.reopen()
        try:
            yield self
        finally:
            await self.shut()

    async def reopen(self) -> None:
        self._server = await asyncio.start_unix_server(self._pass, self._path)

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine_reader, engine_writer = await asyncio.open_unix_connection(str(ENGINE_SOCKET))
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, engine_writer))
            group.create_task(_copy(engine_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@pytest.fixture
async def doorway(tmp_path: Path) -> AsyncIterator[Doorway]:
    async with Doorway(tmp_path / "engine.sock").working() as doorway:
        yield doorway


@pytest.fixture
def away(tmp_path: Path, doorway: Doorway) -> Lodge:
    site, sources = new_site(tmp_path / "site"), FakeSources({})
    executor = DockerExecutor(site, sources, address=doorway.address)
    return Lodge(kind="docker", executor=executor, site=site, sources=sources, image=image("busybox"))


async def test_a_job_is_read_to_its_end_without_its_engine(away: Lodge, doorway: Doorway) -> None:
    order, pail = away.order("echo begun; sleep 0.3; echo done", "echo second"), Pail()
    async with asyncio.timeout(30), away.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
        await room.begin({})
        first = group.create_task(room.run(order.steps[0], pail))
        await until(lambda: pail.data)
        await doorway.shut()
        await first
        story = await Story().watch(room, order.steps[1:])
    assert (first.result().status, pail.data) == (Status.SUCCESS, b"begun\ndone\n")
    assert story.text == "second\n"
    with pytest.raises(EngineUnavailable):
        await away.executor.sweep(())
    await doorway.reopen()
    removed = list(await away.executor.sweep(()))
    assert f"room {KEY}" in removed or any("container" in name for name in removed)
    assert list(await away.executor.sweep(())) == []


async def test_when_job_and_engine_are_both_gone_the_engine_is_blamed_after_a_while(
    away: Lodge, doorway: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_executor, "AWAY_DEADLINE", 0.2)
    monkeypatch.setattr(docker_executor, "AWAY_PAUSE", 0.02)
    order, pail = away.order("echo begun; sleep 60"), Pail()
    name = f"flowforge-{away.site.instance}-{KEY}"

    async def lose_both(room_is_read: asyncio.Task[object]) -> None:
        await until(lambda: pail.data)
        await doorway.shut()
        killing = await asyncio.create_subprocess_exec(
            "docker", "kill", name, stdout=asyncio.subprocess.DEVNULL
        )
        await killing.wait()
        with pytest.raises(EngineUnavailable, match="went away"):
            await room_is_read

    with suppress(EngineUnavailable):
        async with asyncio.timeout(30), away.executor.open(KEY, order) as room:
            await room.begin({})
            await lose_both(asyncio.ensure_future(room.run(order.steps[0], pail)))
    await doorway.reopen()
    await away.executor.sweep(())
    assert list(await away.executor.sweep(())) == []


async def test_an_engine_that_does_not_see_our_folders_says_what_to_set(
    away: Lodge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for one on another machine: what it is told to mount is not there."""
    absent = away.site.folder.parent / "elsewhere"
    monkeypatch.setattr(
        Path, "absolute", lambda path: absent / path.name if path.name.startswith(".probe-") else path
    )
    probe = await away.executor.probe()
    assert not probe.usable
    assert "does not see the folder" in probe.reason
    assert "set FLOWFORGE_DATA and FLOWFORGE_WORKSPACE_ROOT" in probe.reason


@pytest.mark.parametrize("root", ["/proc/1/flowforge-work", "/dev/null/flowforge-work"])
async def test_a_folder_that_cannot_be_made_is_a_reason_and_no_crash(tmp_path: Path, root: str) -> None:
    site = replace(new_site(tmp_path / "site"), workspaces=Path(root))
    async with DockerExecutor(site, FakeSources({})) as executor:
        for _ in range(2):
            probe = await executor.probe()
            assert not probe.usable
            assert f"the folder {root} cannot be written" in probe.reason
            assert "FLOWFORGE_WORKSPACE_ROOT" in probe.reason
        await executor.sweep(())
