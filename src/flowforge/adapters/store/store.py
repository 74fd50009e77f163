"""The port `Store` on a SQL database."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from flowforge.adapters.store.line import Urgency
from flowforge.adapters.store.readers import Readers
from flowforge.adapters.store.writer import Writer
from flowforge.ports import Tx

T = TypeVar("T")


class SqlStore:
    """Made by `open_store`. `release` lets go of the database once nobody reads or writes any more; it may be called
    again."""

    def __init__(self, writer: Writer, readers: Readers, release: Callable[[], None]) -> None:
        self._writer = writer
        self._readers = readers
        self._release = release

    async def write(self, work: Callable[[Tx], T], *, urgent: bool = False) -> T:
        value: T = await self._writer.write(work, Urgency.URGENT if urgent else Urgency.BULK)
        return value

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._readers.read(work)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.close()
        self._writer.close()
        self._release()
