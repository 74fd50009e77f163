"""Whatever an engine answers, the pool goes on and harms nobody: it runs in the server's own task group."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from flowforge.adapters.executors.docker import free_memory, slot, warm_pool
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.slot import Recipe, Slot
from flowforge.adapters.executors.docker.slot_maker import SlotMaker
from flowforge.adapters.executors.docker.warm_pool import WarmPool
from flowforge.adapters.executors.site import Site
from flowforge.adapters.executors.threads import Threads
from flowforge.model.attempt import AttemptKey

KEY = AttemptKey(run=1, job=1, number=1)
RECIPE = Recipe(image_id="i", spec={"HostConfig": {"Mounts": []}})


class OddEngine:
    """Removes nothing, and answers with something that nobody can read."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def remove(self, _name: str) -> None:
        self.asked.set()
        raise KeyError("Warnings")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUIET", "AFTER_FAILURE", "LOOK_EVERY"):
        monkeypatch.setattr(warm_pool, name, 0.001)
    monkeypatch.setattr(free_memory, "enough", lambda: True)


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads(1)
    yield made
    made.close()


def _site(folder: Path) -> Site:
    return Site(instance="i", folder=folder, workspaces=folder)


async def test_the_pool_tries_again_after_an_answer_that_nobody_foresaw(
    tmp_path: Path, threads: Threads
) -> None:
    tries = 0
    enough = asyncio.Event()

    async def recipes(_image: str) -> Recipe:
        nonlocal tries
        tries += 1
        if tries == 3:
            enough.set()
        raise KeyError("Id")

    engine = cast("Engine", OddEngine())
    async with asyncio.timeout(20), WarmPool(_site(tmp_path), engine, threads, recipes, {"bash": 1}):
        await enough.wait()


async def test_a_container_whose_removal_breaks_is_left_to_the_next_sweep(
    tmp_path: Path, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both one that a job could not take, and those that wait when the pool is closed."""

    async def make(_maker: SlotMaker, recipe: Recipe) -> Slot:
        return Slot(id="s", container="c", recipe=recipe, born=asyncio.get_running_loop().time())

    async def recipes(_image: str) -> Recipe:
        return RECIPE

    def died(*_: Any) -> bool:
        return False

    monkeypatch.setattr(SlotMaker, "make", make)
    monkeypatch.setattr(slot, "hand_over", died)
    odd = OddEngine()
    engine = cast("Engine", odd)
    async with asyncio.timeout(20), WarmPool(_site(tmp_path), engine, threads, recipes, {"bash": 2}) as pool:
        while pool.waiting < 2:
            await asyncio.sleep(0.001)
        assert not await pool.take(KEY, "bash", RECIPE)
        await odd.asked.wait()
        while pool.waiting < 2:
            await asyncio.sleep(0.001)
