"""Groups of tasks whose failure reads like that of a plain call."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def plainly(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Awaitable[T]]:
    """For a function that opens a task group: its first failure is raised itself, not in a group.

    The group lives in a task of its own. Before Python 3.13 a group that fails in the moment in which its own task is
    cancelled forgets the cancellation, and whoever tries again after each failure would never end.
    """

    @wraps(function)
    async def called(*args: P.args, **kwargs: P.kwargs) -> T:
        working = asyncio.ensure_future(function(*args, **kwargs))
        try:
            await asyncio.wait((working,))
        except asyncio.CancelledError:
            working.cancel()
            await asyncio.wait((working,))
            if not working.cancelled():
                working.exception()  # or it would be reported as one that nobody looked at
            raise
        try:
            return working.result()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    return called
