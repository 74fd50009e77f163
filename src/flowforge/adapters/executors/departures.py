"""Rooms that are being taken down while their jobs' results are already on the way."""

import asyncio
from collections.abc import Coroutine
from typing import Self


class Departures:
    """Within `async with`, removal goes on behind the caller's back and is awaited at the end; without, it is awaited
    at once. What is added must not raise."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        group, self._group = self._group, None
        if group is not None:
            await group.__aexit__(None, None, None)

    async def add(self, removal: Coroutine[None, None, None]) -> None:
        if self._group is None:
            await removal
        else:
            self._group.create_task(removal)
