"""Two machines on one: a network namespace, a cable to it, and a hand at the cable. Root's alone."""

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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
