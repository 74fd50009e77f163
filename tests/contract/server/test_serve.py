"""Listening on a real loopback port, and ending in order."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from flowforge.errors import BadInput, Conflict
from flowforge.server import heads
from flowforge.server.serve import Ending, Listening, listen, listening, serve
from tests.contract.server.world import World


@dataclass
class Served:
    """What happened, in order."""

    place: Listening
    task: "asyncio.Task[Ending]"
    order: list[str] = field(default_factory=list)

    async def ask(self, text: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.place.port)
        writer.write(text.replace("\n", "\r\n").encode())
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def served(world: World) -> AsyncIterator[Served]:
    order: list[str] = []
    ready = asyncio.Event()

    @asynccontextmanager
    async def background() -> AsyncIterator[None]:
        order.append("background begins")
        try:
            yield
        finally:
            order.append("background ends")

    def begun(_: Listening) -> None:
        order.append("ready")
        ready.set()

    bound = listen("127.0.0.1", 0)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(serve(world.app, bound, background(), begun))
        async with asyncio.timeout(10):
            await ready.wait()
        yield Served(listening(bound), task, order)
        if not task.done():
            os.kill(os.getpid(), signal.SIGTERM)


HEALTH = "GET /health HTTP/1.1\nHost: x\nConnection: close\n\n"


async def test_a_free_port_is_reported_and_answered_on(world: World) -> None:
    async with served(world) as server:
        assert server.place.port > 0
        assert server.place.url == f"http://127.0.0.1:{server.place.port}"
        head, _, body = (await server.ask(HEALTH)).partition(b"\r\n\r\n")
        assert b" 200 " in head
        assert b"database" in body
        assert b"\r\nserver:" not in head.lower()
        assert b"\r\ndate:" in head.lower()


async def test_the_background_lives_around_the_serving(world: World) -> None:
    async with served(world) as server:
        assert server.order == ["background begins", "ready"]
    assert server.order == ["background begins", "ready", "background ends"]
    assert server.task.result() is Ending.IN_ORDER


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_open_streams_in_order(world: World, number: signal.Signals) -> None:
    token = await world.services.access.local_token()
    async with served(world) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.place.port)
        request = f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        writer.write(request.encode())
        async with asyncio.timeout(10):
            await reader.readuntil(b"retry: 1000")
            os.kill(os.getpid(), number)
            rest = await reader.read()
            assert await server.task is Ending.IN_ORDER
        assert rest.endswith(b"0\r\n\r\n"), "the last chunk says that the answer is complete"
        writer.close()


async def test_a_second_signal_does_not_wait(world: World) -> None:
    async with served(world) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.place.port)
        writer.write(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        await writer.drain()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(10):
            assert await server.task is Ending.FORCED
        writer.close()


async def test_a_head_that_never_ends_is_hung_up_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "SECONDS", 0.05)
    async with served(world) as server:
        assert await server.ask("") == b""
        assert await server.ask("GET /health HTTP/1.1\nHost: x\nX-Drip: ") == b""
        first = await server.ask(HEALTH.replace("Connection: close\n", "") + "GET /never")
        assert b" 200 " in first


@pytest.mark.parametrize("wish", ["websocket", "h2c"])
async def test_nobody_fills_the_log_by_wishing_for_an_upgrade(
    world: World, caplog: pytest.LogCaptureFixture, wish: str
) -> None:
    """uvicorn's advice to install something else would change nothing; what is really wrong is still told."""
    asked = HEALTH.replace("Connection: close", f"Connection: Upgrade, close\nUpgrade: {wish}")
    async with served(world) as server:
        assert b" 200 " in await server.ask(asked)
        assert [record.message for record in caplog.records] == []
        await server.ask("no HTTP\n\n")
    assert [record.message for record in caplog.records] == ["Invalid HTTP request received."]


@pytest.mark.parametrize("hosts", ["", "Host: a\nHost: b\n"])
async def test_a_request_without_its_one_host_is_refused(world: World, hosts: str) -> None:
    async with served(world) as server:
        answer = await server.ask(HEALTH.replace("Host: x\n", hosts))
        assert b" 400 " in answer
        assert b"exactly one Host header" in answer
        older = HEALTH.replace("Host: x\n", "").replace("1.1", "1.0")
        assert b" 200 " in await server.ask(older)


async def test_a_port_in_use_is_named() -> None:
    taken = listen("127.0.0.1", 0)
    port = listening(taken).port
    try:
        with pytest.raises(Conflict, match=f"127.0.0.1:{port} is in use"):
            listen("127.0.0.1", port)
    finally:
        taken.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_ours_is_named(host: str) -> None:
    with pytest.raises(BadInput, match="cannot listen on"):
        listen(host, 0)


def test_an_ipv6_address_is_bracketed() -> None:
    assert Listening(host="::1", port=5000).url == "http://[::1]:5000"
