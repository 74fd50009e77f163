"""Exchanges with the server: bodies out, answers in, and what each failure means for a runner."""

import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

import httpx2
from pydantic import TypeAdapter, ValidationError

from flowforge.errors import (
    BadInput,
    FlowForgeError,
    Forbidden,
    LeaseLost,
    NotServing,
    ProtocolRefused,
    TooLarge,
    Unauthenticated,
    Upstream,
)
from flowforge.model.link_call import NEWEST_PROTOCOL

T = TypeVar("T")

BASE = "/api/v1/runner-link"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""Beyond what a call waits for by itself."""
SILENT_MILLISECONDS = 10_000
LARGEST_ANSWER = 16 * 1024 * 1024
SOURCE_SECONDS = 330.0
"""The server may have to fetch and pack the commit before the first byte comes."""
_NOT_SERVING = frozenset({502, 503})


class Wire:
    """One for each event loop; `aclose` lets go of its connections."""

    def __init__(self, url: str, trust: ssl.SSLContext, version: str) -> None:
        self.url = url
        self.protocol = NEWEST_PROTOCOL
        self._answer, self._connect = ANSWER_SECONDS, CONNECT_SECONDS
        self._version = version
        host = httpx2.URL(url).host
        self._http = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(verify=trust, socket_options=_socket_options()),
            timeout=ANSWER_SECONDS,
            trust_env=False,
            headers={"User-Agent": f"flowforge-runner/{version}"},
        )
        self._host = host

    def hurry(self, lease: float) -> None:
        """A try that may be in vain must leave time for others before a lease of so many seconds is over."""
        self._answer = min(ANSWER_SECONDS, max(1.0, lease / 6))
        self._connect = min(CONNECT_SECONDS, max(1.0, lease / 12))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(self, name: str, key: str, shape: Any, value: object, wait: float = 0) -> bytes:
        """The answer's body, empty for one without."""
        body = adapter(shape).dump_json(value)
        headers = {"Content-Type": "application/json"}
        return await self.post(f"{BASE}/{name}", key, headers, body, wait)

    async def post(
        self, path: str, key: str, headers: Mapping[str, str], body: bytes, wait: float = 0
    ) -> bytes:
        every = {"FlowForge-Link": str(self.protocol), **headers}
        if key:
            every["Authorization"] = f"Bearer {key}"
        timeout = httpx2.Timeout(self._answer, connect=self._connect, read=wait + self._answer)
        with _understood(self._host):
            async with self._http.stream(
                "POST", self.url + path, headers=every, content=body, timeout=timeout
            ) as answer:
                content = await _bounded(answer)
        if not answer.is_success:
            raise _later(refusal(answer.status_code, answer.headers, content), path)
        return content

    async def read(self, capability: str) -> AsyncIterator[bytes]:
        """What a capability is good for, as it comes. No key goes with it."""
        timeout = httpx2.Timeout(SOURCE_SECONDS, connect=CONNECT_SECONDS)
        with _understood(self._host):
            async with self._http.stream(
                "GET", f"{self.url}{BASE}/source/{capability}", timeout=timeout
            ) as answer:
                if not answer.is_success:
                    raise refusal(answer.status_code, answer.headers, await _bounded(answer))
                async for chunk in answer.aiter_raw():
                    yield chunk


@cache
def adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def parsed(shape: Any, body: bytes) -> Any:
    """What this version does not know of an answer is passed over: the server may be newer."""
    try:
        return adapter(shape).validate_json(body)
    except ValidationError as error:
        raise Upstream(
            f"the server's answer cannot be read: {error.error_count()} fields are wrong"
        ) from None


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> FlowForgeError:
    """The error that the server's own code raised, as far as its status tells."""
    said = _detail(body) or f"the server answered {status}"
    kinds: dict[int, type[FlowForgeError]] = {
        400: BadInput, 401: Unauthenticated, 403: Forbidden, 409: LeaseLost, 422: BadInput, 426: ProtocolRefused,
    }  # fmt: skip
    if status in kinds:
        return kinds[status](said)
    if status == 413:
        return TooLarge("what was sent to the server", len(body))
    after = headers.get("retry-after", "")
    seconds = float(after) if after.isascii() and after.isdigit() and len(after) < 6 else None
    return (NotServing if status in _NOT_SERVING else Upstream)(said, retry_after=seconds)


def _later(error: FlowForgeError, path: str) -> FlowForgeError:
    """A server that speaks our version no more, after it did when we began, was replaced while we were at work: what we
    hold waits for one of us to be updated."""
    first = path.endswith(("/hello", "/register"))
    if isinstance(error, ProtocolRefused) and not first:
        return Upstream(error.message, retry_after=15)
    return error


def _detail(body: bytes) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    detail = document.get("detail") if isinstance(document, dict) else ""
    return detail[:2000] if isinstance(detail, str) else ""


async def _bounded(answer: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise Upstream(f"the server's answer is larger than {LARGEST_ANSWER} bytes")
    return bytes(body)


class _understood:  # noqa: N801  read as a word of the language
    """Failures of the network as errors of ours."""

    def __init__(self, host: str) -> None:
        self._host = host

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL | httpx2.StreamError):
            raise _failure(self._host, error) from error


def _failure(host: str, error: Exception) -> Upstream:
    causes = list(_causes(error))
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return NotServing(f"nobody serves at {host}: the connection was refused")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Upstream(f"the certificate of {host} is not valid: {error}")
    if isinstance(error, httpx2.TimeoutException):
        return Upstream(f"{host} keeps silent")
    return Upstream(f"no answer from {host}: {str(error) or type(error).__name__}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _causes(inner)
        error = error.__cause__ or error.__context__


def _socket_options() -> list[tuple[int, int, int]]:
    """A connection whose other end went silent is given up by the kernel, and the next call makes a new one."""
    return [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_MILLISECONDS),
    ]
