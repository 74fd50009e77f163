"""Who is at the other end of a connection, and which of its forwarding headers count."""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.types import Scope

_FORWARDING = ("forwarded", "x-real-ip", "via")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """`forwarded` says that some proxy speaks for somebody else, trusted or not. `scheme` and `host` are what the
    browser sees, as far as a trusted proxy says so."""

    loopback: bool
    forwarded: bool
    scheme: str
    host: str

    @property
    def local(self) -> bool:
        """On this machine, and speaking for nobody else."""
        return self.loopback and not self.forwarded

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"


def peer_of(scope: Scope, trusted: tuple[str, ...]) -> Peer:
    headers = Headers(scope=scope)
    address = scope["client"][0] if scope.get("client") else ""
    scheme, host = str(scope.get("scheme", "http")), headers.get("host", "")
    if _is_trusted(address, trusted):
        scheme = _nearest(headers, "x-forwarded-proto", scheme)
        host = _nearest(headers, "x-forwarded-host", host)
    return Peer(
        loopback=_is_loopback(address),
        forwarded=any(name in _FORWARDING or name.startswith("x-forwarded") for name in headers),
        scheme="https" if scheme.lower() == "https" else "http",
        host=host.lower(),
    )


def _nearest(headers: Headers, name: str, otherwise: str) -> str:
    """What the proxy next to us wrote: it appends, and what stands before came from its own client."""
    values = headers.getlist(name)
    return values[-1].rsplit(",", 1)[-1].strip() if values else otherwise


def _is_loopback(address: str) -> bool:
    found = _address(address)
    return found is not None and found.is_loopback


def _is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    found = _address(address) if trusted else None
    return found is not None and any(found in network for network in _networks(trusted))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in trusted)
