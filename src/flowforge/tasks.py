"""Groups of tasks whose failure reads like that of a plain call, and never hides that somebody was told to end.

Before Python 3.13 a task group that fails in the moment in which its own task is cancelled forgets the cancellation:
whoever tries again after each failure would never end. So what is tried again has its groups in a task of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def apart(work: Awaitable[T]) -> T:
    """Wait for `work` in a task of its own: for every loop that goes on after a failure of what may open a task group. A
    cancellation is passed on to it, and raised once it has ended, whatever it ended with."""
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait((working,))
    except asyncio.CancelledError:
        working.cancel()
        await asyncio.wait((working,))
        if not working.cancelled():
            working.exception()  # or it would be reported as one that nobody looked at
        raise
    return working.result()


def plainly(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Awaitable[T]]:
    """For a function that opens a task group: its first failure is raised itself, not in a group. The group lives in a
    task of its own."""

    @wraps(function)
    async def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await apart(function(*args, **kwargs))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    return called
