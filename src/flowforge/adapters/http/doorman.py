"""Looks at every address before it is dialled, so that no name leads into the private network."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore2

from flowforge.errors import Upstream
from flowforge.model.origin import Origin, is_public

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve_with_system(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class Doorman(httpcore2.AsyncNetworkBackend):
    """Dials the address it has looked at: a name that answers differently the next time gains nothing. TLS still
    asks for the name. Hosts in `trusted` (`host[:port]`) may be anywhere."""

    def __init__(self, trusted: frozenset[str], resolve: Resolve) -> None:
        self._trusted = trusted
        self._resolve = resolve
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception = httpcore2.ConnectError("the host has no address")
        for address in await self._checked(host.strip("[]"), port, timeout):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _checked(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        if Origin(scheme="", host=host, port=port).trusted(self._trusted):
            return (host,)
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("the host has no address") from error
        if not all(is_public(address) for address in addresses):
            raise Upstream(
                f"{host} is on a private address; name it in FLOWFORGE_TRUSTED_FORGES to allow it", final=True
            )
        return addresses
