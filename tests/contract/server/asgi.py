"""Talks to an ASGI application without a socket, also while its answer is still being made."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Headers = dict[str, str]


@dataclass
class Answer:
    """`chunks` grows while the application sends."""

    status: int = 0
    headers: Headers = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Exchange:
    """One request under way."""

    sent: Sequence[bytes]
    answer: Answer = field(default_factory=Answer)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._left = list(self.sent)

    async def receive(self) -> dict[str, Any]:
        if self._left:
            body = self._left.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(self._left)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        async with self.changed:
            if message["type"] == "http.response.start":
                self.answer.status = message["status"]
                pairs = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
                self.answer.headers = dict(pairs)
                self.answer.cookies = [value for name, value in pairs if name == "set-cookie"]
            else:
                self.answer.chunks.append(message.get("body", b""))
                self.answer.complete = not message.get("more_body", False)
            self.changed.notify_all()

    async def until(self, text: bytes) -> bytes:
        """The body so far, once `text` is in it."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(self._has(text))
        assert text in self.answer.body
        return self.answer.body

    def _has(self, text: bytes) -> Callable[[], bool]:
        answer = self.answer
        return lambda: answer.complete or (answer.status > 0 and text in answer.body)


@dataclass
class Client:
    app: Any
    headers: Headers = field(default_factory=dict)
    address: str = "127.0.0.1"
    scheme: str = "http"

    def scope(self, method: str, path: str, headers: Headers) -> dict[str, Any]:
        plain, _, query = path.partition("?")
        merged = {"host": "ci.example", **self.headers, **headers}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": unquote(plain),
            "raw_path": plain.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in merged.items()],
            "client": (self.address, 40_000),
            "server": ("127.0.0.1", 5000),
        }

    @asynccontextmanager
    async def open(
        self, method: str, path: str, headers: Headers | None = None, sent: Sequence[bytes] = (b"",)
    ) -> AsyncIterator[Exchange]:
        exchange = Exchange(sent)
        async with asyncio.TaskGroup() as tasks:
            scope = self.scope(method, path, headers or {})
            tasks.create_task(self.app(scope, exchange.receive, exchange.send))
            try:
                yield exchange
            finally:
                exchange.gone.set()

    async def send(
        self, method: str, path: str, headers: Headers | None = None, sent: Sequence[bytes] = (b"",)
    ) -> Answer:
        exchange = Exchange(sent)
        async with asyncio.timeout(10):
            await self.app(self.scope(method, path, headers or {}), exchange.receive, exchange.send)
        assert exchange.answer.complete
        return exchange.answer

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, _named(headers))

    async def post(self, path: str, value: object = None, **headers: str) -> Answer:
        body = b"" if value is None else json.dumps(value).encode()
        named = {"content-type": "application/json", **_named(headers)} if body else _named(headers)
        return await self.send("POST", path, named, [body])


def _named(headers: Headers) -> Headers:
    return {name.replace("_", "-"): value for name, value in headers.items()}
