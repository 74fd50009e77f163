"""A loop that begins anew after whatever broke it still ends when it is told to, also while it breaks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from flowforge.runner.agent import Agent
from flowforge.testing.executor import FakeExecutor
from flowforge.wiring import at_work
from flowforge.wiring_runner import Crew

TURNS = range(8)
"""Turns of the event loop between a failure and the word to end: in one of them the group has failed and not ended."""

PATIENCE = 4.0
"""Seconds; what ends at all ends at once, and what begins anew pauses for less."""


class Work:
    """Breaks in a task of its group once it is let, each time anew."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.is_over = False

    async def serve(self, _draining: asyncio.Event | None = None) -> None:
        if self.is_over:
            raise asyncio.CancelledError
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fail())

    async def _fail(self) -> None:
        await self.let.wait()
        raise KeyError("odd")


async def _ends(loop: Callable[[], Awaitable[object]], work: Work, turns: int) -> bool:
    running = asyncio.ensure_future(loop())
    await asyncio.sleep(0.01)
    work.let.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait((running,), timeout=PATIENCE)
    ended = running.cancelled()
    work.is_over = True
    await asyncio.wait((running,))
    return ended


@pytest.mark.parametrize("turns", TURNS)
async def test_the_servers_loops_end(turns: int) -> None:
    work = Work()

    async def serving() -> None:
        async with at_work((work.serve,)):
            await asyncio.Event().wait()

    assert await _ends(serving, work, turns)


@pytest.mark.parametrize("turns", TURNS)
async def test_a_runners_loop_ends(turns: int) -> None:
    work = Work()
    crew = Crew(cast("Agent", work), FakeExecutor(), patience=60, say=lambda _: None)
    assert await _ends(crew.serve, work, turns)
