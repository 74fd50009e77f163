"""A watcher to be killed: opens a room in a process of its own and appends each step's output to a file.

Called with one JSON argument; what earlier watchers stored is not asked for again.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from flowforge.adapters.executors.docker import DockerExecutor
from flowforge.adapters.executors.process import ProcessExecutor
from flowforge.adapters.executors.site import Site
from flowforge.errors import RoomGone
from flowforge.model.attempt import AttemptKey
from flowforge.model.job_spec import Clone
from flowforge.model.order import JobOrder
from flowforge.model.source import Source
from flowforge.ports import Room
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import ORIGIN, steps, until
from tests.needs import ENGINE_SOCKET


class FileSink:
    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.size = os.fstat(self._fd).st_size

    async def write(self, data: bytes) -> int:
        self.size += os.write(self._fd, data)
        return self.size


async def watch(told: dict[str, Any]) -> None:
    store = Path(told["store"])
    site = Site(
        instance=told["instance"], folder=Path(told["folder"]), workspaces=Path(told["workspaces"]), grace=1.0
    )
    sources = FakeSources({ORIGIN: {"hello.txt": b"hello\n"}})
    kind: Any = DockerExecutor if told["kind"] == "docker" else ProcessExecutor
    order = JobOrder(
        key="build", name="build", steps=steps(*told["scripts"]), image=told["image"],
        source=Source(origin=ORIGIN, commit=""), clone=Clone.BEFORE_STEPS,
    )  # fmt: skip
    key = AttemptKey.parse(told["key"])
    more = {"pool": {told["image"]: 1}} if told["warm"] else {}
    async with kind(site, sources, **more) as executor:
        if told["warm"]:
            await until(lambda: executor.waiting)
            (store / "waiting").touch()
        try:
            async with executor.open(key, order) as room:
                await room.resume()
                await read(room, order, store)
        except RoomGone:
            async with executor.open(key, order) as room:
                await room.begin({})
                await read(room, order, store)


async def read(room: Room, order: JobOrder, store: Path) -> None:
    for step in order.steps:
        sink = FileSink(store / f"{step.index}.out")
        ended = await room.run(step, sink, since=sink.size)
        (store / f"{step.index}.end").write_text(f"{ended.status} {ended.code} {ended.reason}")


def become(user: int | None) -> None:
    """Somebody without privileges who may speak to the engine."""
    if user is not None:
        os.setgroups([ENGINE_SOCKET.stat().st_gid])
        os.setgid(user)
        os.setuid(user)


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    become(told["user"])
    asyncio.run(watch(told))
