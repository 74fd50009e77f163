"""A bell for one process."""

import asyncio
from contextlib import suppress
from weakref import WeakSet, WeakValueDictionary


class LocalBell:
    """Implements `Bell` among the tasks of one event loop; `ring` may be called from that loop's thread only."""

    def __init__(self) -> None:
        self._topics: WeakValueDictionary[str, _Topic] = WeakValueDictionary()

    def ring(self, topic: str) -> None:
        known = self._topics.get(topic)
        if known is not None:
            for listener in list(known.listeners):
                listener.rung.set()

    def listen(self, topic: str) -> "LocalListener":
        known = self._topics.get(topic)
        if known is None:
            known = self._topics[topic] = _Topic()
        return LocalListener(known)


class LocalListener:
    """Belongs to one waiter at a time. Keeps its topic known for as long as it lives."""

    def __init__(self, topic: "_Topic") -> None:
        self.rung = asyncio.Event()
        self._topic = topic
        topic.listeners.add(self)

    async def wait(self, timeout: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self.rung.wait()
        rung = self.rung.is_set()
        self.rung.clear()
        return rung


class _Topic:
    def __init__(self) -> None:
        self.listeners: WeakSet[LocalListener] = WeakSet()
