"""Request bodies, bounded in size and time while they are read."""

import asyncio
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from flowforge.errors import BadInput, TooLarge

SECONDS = 30.0
"""For a whole body: whoever sends slower is let go."""


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """Never holds more than `limit` and one chunk."""
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        raise TooLarge("the body", limit)
    try:
        async with asyncio.timeout(SECONDS):
            return await _read(receive, limit)
    except TimeoutError:
        raise BadInput(f"the body did not arrive within {SECONDS:.0f} s") from None


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge("the body", limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def replayed(body: bytes, receive: Receive) -> Receive:
    """Hands out a body that was read already, then goes on as before."""
    left = [body]

    async def next_message() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return next_message
