"""A container engine that is stopped, killed or frozen in the middle of a job, and comes back. It is one of the test's own,
so nobody else notices."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from flowforge.adapters.executors.docker import DockerExecutor
from flowforge.errors import EngineUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.status import Cause, Status
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import KEY, Lodge, Pail, new_site, until
from tests.engines import OwnEngine, own_dockerd
from tests.images import image

pytestmark = pytest.mark.needs("dockerd", "busybox")

RECOVERY = 30.0
"""Seconds after an engine's return by which jobs must run again."""
NEXT = AttemptKey(run=8, job=1, number=1)


@pytest.fixture(scope="module")
def engine() -> Iterator[OwnEngine]:
    with TemporaryDirectory(prefix="flowforge-dockerd-") as folder, own_dockerd(Path(folder)) as engine:
        yield engine


@pytest.fixture
async def lodge(engine: OwnEngine, tmp_path: Path) -> AsyncIterator[Lodge]:
    site, sources = new_site(tmp_path / "site"), FakeSources({})
    async with DockerExecutor(site, sources, address=engine.address) as executor:
        yield Lodge(
            kind="docker",
            executor=executor,
            site=site,
            sources=sources,
            image=image("busybox", engine.socket),
        )
        await executor.sweep(())


async def recovered(lodge: Lodge) -> None:
    async with asyncio.timeout(RECOVERY):
        while not (await lodge.executor.probe()).usable:
            await asyncio.sleep(0.1)
        story = await lodge.run(lodge.order("echo again"), key=NEXT)
    assert story.text == "again\n"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_a_job_whose_engine_ends_is_the_machines_failure_and_the_next_one_runs(
    lodge: Lodge, engine: OwnEngine, end: signal.Signals
) -> None:
    """A daemon that is told to end takes its containers along; one that was killed finds and ends them when it is back."""
    order, pail = lodge.order("echo begun; sleep 300"), Pail()
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
        await room.begin({})
        running = group.create_task(room.run(order.steps[0], pail))
        await until(lambda: pail.data)
        engine.signal(end)
        await asyncio.to_thread(engine.wait)
        probe = await lodge.executor.probe()
        assert not probe.usable
        assert "no container engine answers" in probe.reason
        await asyncio.to_thread(engine.start)
    ended = running.result()
    assert (ended.status, pail.data) == (Status.FAILURE, b"begun\n")
    assert ended.cause in (Cause.INFRASTRUCTURE, Cause.LOST)
    assert ended.reason
    await recovered(lodge)


async def test_a_frozen_engine_holds_nobody_up_for_ever(
    lodge: Lodge, engine: OwnEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jobs go on and are read; what needs it fails with a deadline."""
    monkeypatch.setattr("flowforge.adapters.executors.docker.engine.VERSION_DEADLINE", 0.5)
    monkeypatch.setattr("flowforge.adapters.executors.docker.engine.LOOK_DEADLINE", 0.5)
    order = lodge.order("echo begun; sleep 0.5; echo done")
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        engine.signal(signal.SIGSTOP)
        try:
            ended = await room.run(order.steps[0], Pail())
            assert not (await lodge.executor.probe()).usable
            with pytest.raises(EngineUnavailable, match="does not answer in time"):
                await lodge.run(replace(order, key="other"), key=NEXT)
        finally:
            engine.signal(signal.SIGCONT)
    assert ended.status is Status.SUCCESS
    monkeypatch.undo()
    with suppress(EngineUnavailable):
        await lodge.executor.sweep(())
    await recovered(lodge)
