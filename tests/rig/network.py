"""Two machines on one: a network namespace, a cable to it, and a hand at the cable. Root's alone."""

import itertools
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_numbers = itertools.count(1)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)


@dataclass(frozen=True)
class Cable:
    """`here` and `there` are the addresses of its two ends."""

    namespace: str
    device: str
    here: str
    there: str

    @property
    def inside(self) -> tuple[str, ...]:
        """What starts a command at the other end."""
        return ("ip", "netns", "exec", self.namespace)

    def cut(self) -> None:
        """Packets are lost in both directions, and nobody is told."""
        self._filter("-I")

    def mend(self) -> None:
        self._filter("-D")

    def _filter(self, how: str) -> None:
        for chain, direction in (("INPUT", "-i"), ("OUTPUT", "-o")):
            subprocess.run(
                ["iptables", "-w", "20", how, chain, direction, self.device, "-j", "DROP"],
                check=True, capture_output=True, timeout=30,
            )  # fmt: skip


@contextmanager
def cable() -> Iterator[Cable]:
    number = next(_numbers)
    name = f"ffl{os.getpid() % 100_000}n{number}"
    # Of the block for documentation and examples, so that no real network is hidden by it.
    subnet = f"198.51.100.{4 * ((os.getpid() + number) % 60)}"
    first, second = (_plus(subnet, step) for step in (1, 2))
    device = f"{name}h"
    made = Cable(name, device, first, second)
    _ip("netns", "add", name)
    try:
        _ip("link", "add", device, "type", "veth", "peer", "name", "far", "netns", name)
        _ip("addr", "add", f"{first}/30", "dev", device)
        _ip("link", "set", device, "up")
        for command in (
            ("addr", "add", f"{second}/30", "dev", "far"),
            ("link", "set", "far", "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", name, *command)
        yield made
    finally:
        _ip("netns", "del", name)


def _plus(address: str, step: int) -> str:
    head, _, last = address.rpartition(".")
    return f"{head}.{int(last) + step}"


class _Passing(socketserver.BaseRequestHandler):
    target: tuple[str, int]

    def handle(self) -> None:
        with socket.create_connection(self.target, timeout=20) as beyond, suppress(OSError):
            beyond.settimeout(None)
            back = threading.Thread(target=_pump, args=(beyond, self.request), daemon=True)
            back.start()
            _pump(self.request, beyond)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class _Passage(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


@contextmanager
def passage(address: str, port: int) -> Iterator[str]:
    """A URL at this address that leads to a server which listens on loopback alone."""
    handler = type("Passing", (_Passing,), {"target": ("127.0.0.1", port)})
    with _Passage((address, 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://{address}:{serving.server_address[1]}"
        finally:
            serving.shutdown()
            thread.join()
