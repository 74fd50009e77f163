"""The port `Http` on httpcore2, the transport of httpx2, which alone lets us look at an address before it is dialled."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import httpcore2

from flowforge.adapters.http.doorman import Doorman, Resolve, resolve_with_system
from flowforge.adapters.http.exchange import (
    checked_origin,
    core_headers,
    core_url,
    next_url,
    read_answer,
    timeouts,
)
from flowforge.adapters.http.limits import HttpLimits
from flowforge.errors import Upstream
from flowforge.model.http import HttpAnswer, HttpRequest, Repeat
from flowforge.model.origin import Origin

_TROUBLE = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.RemoteProtocolError,
    httpcore2.ConnectionNotAvailable,
)
_PASSING = (502, 503, 504)


class HttpClient:
    """One for each event loop; `aclose` lets go of its connections. `trusted` holds `host[:port]` of hosts that may
    be private and speak plain HTTP. `jitter` answers a number from 0 to 1."""

    def __init__(
        self,
        trusted: frozenset[str] = frozenset(),
        limits: HttpLimits | None = None,
        *,
        resolve: Resolve = resolve_with_system,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._trusted = trusted
        self._limits = limits or HttpLimits()
        self._jitter = jitter
        self._doorman = Doorman(trusted, resolve)
        self._pool: httpcore2.AsyncConnectionPool | None = None

    async def send(self, request: HttpRequest) -> HttpAnswer:
        origin = checked_origin(request, self._trusted)
        total = self._limits.total_seconds
        try:
            async with asyncio.timeout(total):
                return await self._persist(request)
        except TimeoutError as error:
            raise Upstream(f"{origin} did not answer within {total:g} s") from error

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    async def _persist(self, request: HttpRequest) -> HttpAnswer:
        """Again after trouble that passes, where the request says that it may be sent again."""
        tries = self._limits.tries if request.repeat is Repeat.SAFE else 1
        for number in range(1, tries):
            try:
                answer = await self._follow(request)
            except Upstream as trouble:
                if trouble.final:
                    raise
            else:
                if answer.status not in _PASSING or "retry-after" in answer.headers:
                    return answer
            pause = self._limits.first_pause_seconds * 2 ** (number - 1)
            await asyncio.sleep(pause * (0.5 + self._jitter()))
        return await self._follow(request)

    async def _follow(self, request: HttpRequest) -> HttpAnswer:
        for _ in range(self._limits.redirects + 1):
            origin = checked_origin(request, self._trusted)
            answer = await self._exchange(request, origin)
            url = next_url(request, origin, answer)
            if not url:
                return answer
            request = replace(request, url=url)
        raise Upstream(f"{Origin.of(request.url)} redirects without end", final=True)

    async def _exchange(self, request: HttpRequest, origin: Origin) -> HttpAnswer:
        try:
            async with self._connections().stream(
                request.method,
                core_url(request.url, origin),
                headers=core_headers(request),
                content=request.body or None,
                extensions=timeouts(self._limits),
            ) as response:
                return await read_answer(response, self._limits)
        except httpcore2.LocalProtocolError as error:
            raise Upstream(f"the request to {origin} cannot be sent: {error}", final=True) from error
        except _TROUBLE as error:
            raise Upstream(f"no answer from {origin}: {_what(error)}") from error

    def _connections(self) -> httpcore2.AsyncConnectionPool:
        if self._pool is None:
            self._pool = httpcore2.AsyncConnectionPool(
                ssl_context=httpcore2.default_ssl_context(),
                max_connections=self._limits.connections,
                keepalive_expiry=30,
                network_backend=self._doorman,
            )
        return self._pool


def _what(error: Exception) -> str:
    if isinstance(error, httpcore2.TimeoutException):
        return "it keeps silent"
    return str(error) or type(error).__name__
