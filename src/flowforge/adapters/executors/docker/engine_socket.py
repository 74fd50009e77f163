"""HTTP/1.1 to a container engine, over its socket: one connection a call, because a call is rare and a socket cheap.

Our own because it is small, needs nothing else and is faster here than a general client (docs/decisions/0008).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from flowforge.errors import EngineUnavailable

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
CALL_DEADLINE = 60.0
ANSWER_LIMIT = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAnswer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise EngineUnavailable("the container engine's answer is not JSON") from error

    @property
    def message(self) -> str:
        """The engine's own sentence about an error."""
        try:
            return str(json.loads(self.body)["message"])
        except (ValueError, KeyError, TypeError):
            return self.body[:300].decode("utf-8", "replace")


class EngineSocket:
    """`address` is `unix:///path` or `tcp://host:port`, as in DOCKER_HOST."""

    def __init__(self, address: str = DEFAULT_ADDRESS) -> None:
        self.address = address

    async def call(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: object = None,
        deadline: float = CALL_DEADLINE,
    ) -> EngineAnswer:  # fmt: skip
        """Raises `EngineUnavailable` where nothing answers in time; an error status is an answer."""
        async with self._exchange(_request(method, path, query, body, {}), deadline) as (
            status,
            headers,
            reader,
        ):
            parts, size = [], 0
            async for part in _body(headers, reader):
                size += len(part)
                if size > ANSWER_LIMIT:
                    raise EngineUnavailable("the container engine's answer is too large")
                parts.append(part)
            return EngineAnswer(status=status, headers=headers, body=b"".join(parts))

    async def objects(
        self, method: str, path: str, *, query: dict[str, str], headers: Mapping[str, str], deadline: float
    ) -> AsyncIterator[tuple[int, Any]]:
        """The answer's status with each JSON object of a stream of them."""
        request = _request(method, path, query, None, headers)
        async with self._exchange(request, deadline) as (status, headers, reader):
            rest = b""
            async for part in _body(headers, reader):
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield status, json.loads(line)
                if len(rest) > ANSWER_LIMIT:
                    raise EngineUnavailable("the container engine's answer is too large")
            if rest.strip():
                yield status, json.loads(rest)

    @asynccontextmanager
    async def _exchange(
        self, request: bytes, deadline: float
    ) -> AsyncIterator[tuple[int, dict[str, str], asyncio.StreamReader]]:
        try:
            async with asyncio.timeout(deadline):
                reader, writer = await self._connect()
                try:
                    writer.write(request)
                    status, headers = await _head(reader)
                    yield status, headers, reader
                finally:
                    writer.close()
                    with suppress(OSError):
                        await writer.wait_closed()
        except TimeoutError as error:
            raise EngineUnavailable(
                f"the container engine at {self.address} does not answer in time"
            ) from error
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise EngineUnavailable(f"no container engine answers at {self.address}: {error}") from error

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.address)
        if parts.scheme == "unix":
            return await asyncio.open_unix_connection(parts.path)
        if parts.scheme in ("tcp", "http") and parts.hostname:
            return await asyncio.open_connection(parts.hostname, parts.port or 2375)
        raise EngineUnavailable(
            f"{self.address} is no engine address: unix:///path or tcp://host:port", final=True
        )


def _request(
    method: str, path: str, query: dict[str, str] | None, body: object, more: Mapping[str, str]
) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    target = f"{path}?{urlencode(query)}" if query else path
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: engine",
        "Connection: close",
        f"Content-Length: {len(content)}",
        "Content-Type: application/json",
        *(f"{name}: {value}" for name, value in more.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    _, _, after_protocol = head[0].partition(" ")
    return int(after_protocol[:3]), headers


async def _body(headers: dict[str, str], reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readline()).split(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readline()
    elif "content-length" in headers:
        yield await reader.readexactly(int(headers["content-length"]))
    else:
        while part := await reader.read(1 << 16):
            yield part
