"""Rooms that are being taken down while their jobs' results are already on the way."""

import asyncio
from collections.abc import Coroutine
from typing import Self

import structlog

log = structlog.get_logger(__name__)


class Departures:
    """Within `async with`, removal goes on behind the caller's back and is awaited at the end; without, it is awaited
    at once. One that breaks harms no other: what it left is for the next sweep."""

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
            await _survived(removal)
        else:
            self._group.create_task(_survived(removal))


async def _survived(removal: Coroutine[None, None, None]) -> None:
    try:
        await removal
    except Exception:
        log.exception("a room's removal broke, left to the next sweep")
