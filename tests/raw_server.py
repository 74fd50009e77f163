"""A loopback HTTP server that answers raw bytes, so that it can answer wrongly too."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


def plainly(status: str, body: bytes = b"", **headers: str) -> Play:
    async def play(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return play


@dataclass
class RawServer:
    """`plays` are used one a connection, the last one again and again; `heard` holds each request's head and body."""

    plays: list[Play]
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    port: int = 0
    talking: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talking.add(current := asyncio.current_task())
        try:
            await self._answer(reader, writer)
        finally:
            self.talking.discard(current)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = [
                line.split(":")[1]
                for line in head.split("\r\n")
                if line.lower().startswith("content-length:")
            ]
            body = await reader.readexactly(int(length[0])) if length else b""
            self.heard.append((head, body))
            play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
            await play(writer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def raw_server(*plays: Play) -> AsyncIterator[RawServer]:
    server = RawServer(list(plays))
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        left = list(server.talking)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await listening.wait_closed()
        await asyncio.sleep(0)
