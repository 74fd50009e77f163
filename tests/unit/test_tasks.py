"""A group of tasks fails as a plain call does, and ends when it is told to."""

import asyncio

import pytest

from flowforge.errors import Upstream
from flowforge.tasks import plainly


class Attempt:
    """Fails once it is let, in a task of its group."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.tries = 0

    @plainly
    async def once(self) -> None:
        self.tries += 1
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fail())

    async def _fail(self) -> None:
        await self.let.wait()
        raise Upstream("no answer")

    async def again_and_again(self) -> None:
        while True:
            try:
                await self.once()
            except Upstream:
                await asyncio.sleep(0)


async def test_a_failure_is_raised_as_it_is() -> None:
    attempt = Attempt()
    attempt.let.set()
    with pytest.raises(Upstream, match="no answer"):
        await attempt.once()


async def test_an_answer_is_passed_on() -> None:
    @plainly
    async def answer(number: int) -> int:
        return number

    assert await answer(7) == 7


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancellation_in_the_moment_of_a_failure_is_not_lost(turns: int) -> None:
    """Whoever tries again after each failure still ends."""
    attempt = Attempt()
    trying = asyncio.create_task(attempt.again_and_again())
    await asyncio.sleep(0.01)
    attempt.let.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    trying.cancel()
    await asyncio.wait((trying,), timeout=20)
    assert trying.cancelled()


async def test_what_is_cancelled_has_ended_before_its_caller_goes_on() -> None:
    begun, tidied = asyncio.Event(), asyncio.Event()

    @plainly
    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            tidied.set()

    working = asyncio.ensure_future(work())
    await begun.wait()
    working.cancel()
    await asyncio.wait((working,))
    assert working.cancelled()
    assert tidied.is_set()
