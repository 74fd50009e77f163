import asyncio
import gc

import pytest

from flowforge.adapters.queue.bell import LocalBell
from flowforge.ports import Bell, Listener


@pytest.fixture
def bell() -> Bell:
    return LocalBell()


async def test_a_ring_before_the_wait_is_not_lost(bell: Bell) -> None:
    listener = bell.listen("work")
    bell.ring("work")
    assert await listener.wait(0)


async def test_a_ring_wakes_one_who_waits(bell: Bell) -> None:
    listener = bell.listen("work")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(listener.wait(30))
        await asyncio.sleep(0)
        bell.ring("work")
    assert waiting.result()


async def test_without_a_ring_the_wait_ends_with_no(bell: Bell) -> None:
    assert not await bell.listen("work").wait(0)
    assert not await bell.listen("work").wait(0.01)


async def test_a_ring_counts_for_one_wait(bell: Bell) -> None:
    listener = bell.listen("work")
    bell.ring("work")
    bell.ring("work")
    assert await listener.wait(0)
    assert not await listener.wait(0)


async def test_a_ring_reaches_every_listener_of_its_topic_and_no_other(bell: Bell) -> None:
    here, also_here, elsewhere = bell.listen("work"), bell.listen("work"), bell.listen("play")
    bell.ring("work")
    assert await here.wait(0)
    assert await also_here.wait(0)
    assert not await elsewhere.wait(0)


async def test_a_ring_before_listening_is_not_heard(bell: Bell) -> None:
    bell.ring("work")
    assert not await bell.listen("work").wait(0)


async def test_a_cancelled_wait_leaves_the_listener_usable(bell: Bell) -> None:
    listener = bell.listen("work")
    waiting = asyncio.ensure_future(listener.wait(30))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bell.ring("work")
    assert await listener.wait(0)


async def test_topics_nobody_listens_to_are_forgotten() -> None:
    bell = LocalBell()
    kept: list[Listener] = [bell.listen("kept")]
    for number in range(100):
        bell.listen(f"topic {number}")
    gc.collect()
    bell.ring("kept")
    assert await kept[0].wait(0)
    assert list(bell._topics) == ["kept"]
