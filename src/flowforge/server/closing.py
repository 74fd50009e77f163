"""Answers that go on until somebody ends them, and the end that the server sets to all of them."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flowforge.tasks import plainly

T = TypeVar("T")


class Closing:
    """Set once, when the server begins to stop: streams then end in order instead of being cut off."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def begin(self) -> None:
        """From the event loop's own thread only."""
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


class LiveStream(Response):
    """Sends what comes, until it ends, the reader goes away, or the server stops."""

    def __init__(
        self, body: AsyncGenerator[bytes], closing: Closing, media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(media_type=media_type, headers=headers)
        del self.headers["content-length"]
        self._chunks = body
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            async with asyncio.TaskGroup() as tasks:
                ways = [
                    tasks.create_task(self._pump(send)),
                    tasks.create_task(self._closing.wait()),
                    tasks.create_task(_until_gone(receive)),
                ]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self, send: Send) -> None:
        async with aclosing(self._chunks):
            async for chunk in self._chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


@plainly
async def attended(work: Coroutine[object, object, T], receive: Receive, closing: Closing, otherwise: T) -> T:
    """What the work comes to, or `otherwise` once nobody waits for it any more or the server stops."""
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work)
        others = [tasks.create_task(closing.wait()), tasks.create_task(_until_gone(receive))]
        await asyncio.wait((working, *others), return_when=asyncio.FIRST_COMPLETED)
        for task in (working, *others):
            task.cancel()
    return otherwise if working.cancelled() else working.result()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
