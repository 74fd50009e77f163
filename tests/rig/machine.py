"""Where the jobs of a test run: in containers, or as processes of this machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from flowforge.adapters.data.folder import DataFolder
from flowforge.adapters.executors.room_folder import RoomFolder
from tests.images import image
from tests.rig import engine
from tests.rig.server import RealServer

DEADLINE = 15.0


SOUGHT = "sought"
"""In the spool of a runner that asks for work: the token of the claim it waits for."""


@dataclass(frozen=True)
class Machine:
    """`reach` is the address at which its jobs find this process."""

    name: str
    image: str
    reach: str
    environment: dict[str, str] = field(default_factory=dict)

    def left_behind(self, server: RealServer) -> list[str]:
        """What of the server's jobs is still there."""
        data = DataFolder(server.data)
        folders = (data.rooms(), server.workspaces, data.spool)
        found = [
            str(entry)
            for folder in folders
            if folder.exists()
            for entry in folder.iterdir()
            if entry.name != SOUGHT
        ]
        if self.name == "docker":
            found += engine.labelled(f"flowforge.instance={data.instance()}")
        return found


def docker() -> Machine:
    return Machine("docker", image("busybox"), engine.gateway())


def process() -> Machine:
    return Machine("process", "ignored", "127.0.0.1", {"FLOWFORGE_EXECUTOR": "process"})


def rooms(server: RealServer) -> list[Path]:
    """The control folders of its jobs."""
    return sorted(entry for entry in DataFolder(server.data).rooms().iterdir() if entry.is_dir())


def has_ended(room: Path) -> bool:
    """Its supervisor wrote all it had to write, and is gone."""
    folder = RoomFolder(room)
    try:
        return folder.begun() and not folder.alive()
    finally:
        folder.close()


def until(seen: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, f"{what} did not come true: {found}"
        time.sleep(0.01)
