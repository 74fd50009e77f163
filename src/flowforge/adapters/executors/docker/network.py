"""A network of a job's own, with a small subnet of our own choosing: an engine's usual pool lasts for about thirty."""

import hashlib
from collections.abc import Iterator, Mapping
from enum import Enum
from ipaddress import IPv4Network
from typing import Any

from flowforge.adapters.executors.docker.engine import Engine, Making
from flowforge.errors import EngineUnavailable

# 32 addresses: the network's own two, the gateway's, the job's and 28 services.
SUBNET_PREFIX = 27
MOST_SERVICES = 28
MOST_TRIES = 256


class Outside(Enum):
    """What a job's own network leads to."""

    OPEN = "open"
    CLOSED = "closed"


async def make(
    engine: Engine, name: str, labels: Mapping[str, str], pool: IPv4Network, outside: Outside
) -> None:
    """In place of one that an earlier life left under this name."""
    podman = "podman" in (await engine.kind()).lower()
    for subnet in _candidates(name, pool):
        spec = _spec(name, labels, subnet, {} if podman or outside is Outside.OPEN else _UNSEEN_BY_HOST)
        made = await engine.make_network({**spec, "Internal": outside is Outside.CLOSED})
        if made is Making.NAME_TAKEN:
            await engine.remove_other("networks", name)
            made = await engine.make_network({**spec, "Internal": outside is Outside.CLOSED})
        if made is Making.MADE:
            return
    raise EngineUnavailable(
        f"no subnet of {pool} is free for the job's network: set FLOWFORGE_JOB_SUBNETS to a larger range"
    )


# The engine's machine takes no address on it, so the job cannot reach what listens there either.
_UNSEEN_BY_HOST = {"com.docker.network.bridge.inhibit_ipv4": "true"}


def _spec(
    name: str, labels: Mapping[str, str], subnet: IPv4Network, options: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "Name": name,
        "CheckDuplicate": True,
        "Driver": "bridge",
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Config": [{"Subnet": str(subnet)}]},
        "Options": dict(options),
        "Labels": dict(labels),
    }


def _candidates(name: str, pool: IPv4Network) -> Iterator[IPv4Network]:
    """From a place that the name decides, so that jobs that begin together seldom want the same one."""
    prefix = max(SUBNET_PREFIX, pool.prefixlen)
    count = 1 << (prefix - pool.prefixlen)
    size = 1 << (32 - prefix)
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    for step in range(min(count, MOST_TRIES)):
        # A step that shares no factor with a power of two comes by every place once.
        at = (start + step * 37) % count
        yield IPv4Network((int(pool.network_address) + at * size, prefix))
