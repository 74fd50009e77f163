"""Several calls to an engine at once."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from flowforge.tasks import plainly

T = TypeVar("T")


@plainly
async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Their answers in order. The first that fails cancels the others, and is what is raised."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call) for call in calls]
    return [task.result() for task in tasks]
