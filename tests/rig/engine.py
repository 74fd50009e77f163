"""The container engine as a bystander sees it: what is there, and what happens."""

import fcntl
import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.images import EngineConnection

SIOCGIFADDR = 0x8915
SET = "3"
"""The kernel's NET_ADDR_SET."""
NOUNS = ("containers", "networks", "volumes")


def _ask(path: str) -> Any:
    connection = EngineConnection("engine")
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    assert answer.status == 200, body
    return json.loads(body)


def gateway() -> str:
    """The address at which containers on the usual network reach this machine."""
    options = _ask("/networks/bridge")["Options"]
    device = options.get("com.docker.network.bridge.name", "docker0")
    # A bridge that nobody gave an address takes its lowest port's, and changes it while containers come and go: others then
    # speak to nobody for up to a minute. Engines set one; a bridge that was made by hand may have none.
    given = Path(f"/sys/class/net/{device}/addr_assign_type").read_text().strip()
    assert given == SET, f"no fixed address: ip link set {device} address 02:42:ac:11:00:01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        found = fcntl.ioctl(asked, SIOCGIFADDR, struct.pack("256s", device.encode()))
    return socket.inet_ntoa(found[20:24])


def _filters(**wanted: list[str]) -> str:
    return quote(json.dumps(wanted))


def labelled(label: str) -> list[str]:
    """Containers, networks and volumes that carry a label."""
    found = []
    for noun in NOUNS:
        path = "/containers/json?all=1&" if noun == "containers" else f"/{noun}?"
        answer = _ask(f"{path}filters={_filters(label=[label])}")
        entries = (answer["Volumes"] or []) if noun == "volumes" else answer
        found += [f"{noun}: {entry.get('Name') or entry['Names'][0]}" for entry in entries]
    return found


def inspected(label: str) -> list[tuple[str, bytes]]:
    """Name and whole description of each container that carries a label."""
    found = _ask(f"/containers/json?all=1&filters={_filters(label=[label])}")
    return [
        (entry["Names"][0], json.dumps(_ask(f"/containers/{entry['Id']}/json")).encode()) for entry in found
    ]


@contextmanager
def happenings(event: str, *labels: str) -> Iterator[Iterator[dict[str, str]]]:
    """The attributes of each container this happens to from now on."""
    connection = EngineConnection("engine")
    wanted = _filters(type=["container"], event=[event], label=list(labels))
    # Without `since` an engine under load may answer before it listens.
    since = f"{time.time():.6f}"
    try:
        connection.request("GET", f"/events?since={since}&filters={wanted}")
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        yield (json.loads(line)["Actor"]["Attributes"] for line in iter(answer.readline, b""))
    finally:
        connection.close()
