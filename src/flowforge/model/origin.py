"""Who is spoken to: scheme, host and port of a URL, and which addresses are somebody else's to reach."""

import ipaddress
import re
from dataclasses import dataclass

DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_AUTHORITY = re.compile(
    r"([a-z]+)://([^/?#@\\\s]+@)?(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([0-9]{1,5}))?(?=[/?#]|\Z)",
    re.IGNORECASE | re.ASCII,
)

_TUNNELS = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "::/96", "fec0::/10")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """`host` is lower case and, for an IPv6 address, without its brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if DEFAULT_PORTS.get(self.scheme) == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @classmethod
    def of(cls, url: str) -> "Origin | None":
        """None for anything that is not plainly `scheme://host[:port]/…` with a known scheme."""
        match = _AUTHORITY.match(url)
        if match is None or len(match[3]) > 253:
            return None
        scheme, host = match[1].lower(), match[3].lower().strip("[]")
        port = int(match[4]) if match[4] else DEFAULT_PORTS.get(scheme, 0)
        if scheme not in DEFAULT_PORTS or not 0 < port < 65536 or not _is_host(host):
            return None
        return cls(scheme=scheme, host=host, port=port)

    def trusted(self, names: frozenset[str]) -> bool:
        """`names` holds `host[:port]`; one without a port covers every port of its host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return bool({host, f"{host}:{self.port}", self.host} & names)


def _is_host(host: str) -> bool:
    """A name, or an address in its one canonical form: `0x7f.1` and `2130706433` are neither."""
    last = host.rsplit(".", 1)[-1]
    if ":" not in host and not last.isdigit() and not last.startswith("0x"):
        return _NAME.fullmatch(host) is not None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback_host(host: str) -> bool:
    """Whether a host, as `Origin` has it, is this very machine whoever resolves it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet: not loopback, private, link-local, shared (CGNAT),
    multicast or reserved, nor an IPv6 form that carries an IPv4 address with it."""
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if any(parsed in network for network in _TUNNELS):
            return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved
