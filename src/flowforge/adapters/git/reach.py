"""Which address a clone URL's host has, checked before git speaks to it and pinned for git."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from flowforge.errors import SourceUnavailable
from flowforge.model.origin import Origin, is_public

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_RESOLVE_SECONDS = 10


async def resolve_with_system(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_RESOLVE_SECONDS):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


async def public_addresses(origin: Origin, resolve: Resolve) -> Sequence[str]:
    """All of the host's addresses. One that is not public condemns the host: which of them git would take is chance."""
    try:
        addresses = await resolve(origin.host, origin.port)
    except (OSError, UnicodeError) as error:
        raise SourceUnavailable(f"the host of {origin} has no address") from error
    if not addresses:
        raise SourceUnavailable(f"the host of {origin} has no address")
    if not all(is_public(address) for address in addresses):
        raise SourceUnavailable(
            f"{origin} is on a private address; name it in FLOWFORGE_TRUSTED_FORGES to allow it", final=True
        )
    return addresses
