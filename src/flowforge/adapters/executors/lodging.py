"""A room's folders: made before anything else has its name, removed after everything else is gone."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from flowforge.adapters.executors import supervisor
from flowforge.adapters.executors.folder_watch import Changes
from flowforge.adapters.executors.room import STOP_NOW
from flowforge.adapters.executors.room_folder import RoomFolder
from flowforge.adapters.executors.site import Site
from flowforge.errors import Conflict
from flowforge.model.attempt import AttemptKey

# On top of the grace: killing what is left, and emptying a large workspace.
END_DEADLINE = 60.0
EMPTY_DEADLINE = 600.0
SHARED_TRIES = 100


def make(site: Site, key: AttemptKey) -> RoomFolder:
    """Raises `Conflict` for a workspace that has files but no control folder of ours: another instance's."""
    workspace = site.workspace(key)
    if not site.control(key).exists() and workspace.exists() and any(workspace.iterdir()):
        raise Conflict(f"the workspace {workspace} exists already and was not made for this attempt")
    folder = RoomFolder.make(site.control(key))
    _make_workspace(workspace)
    return folder


def _make_workspace(workspace: Path) -> None:
    """Tried again because the folder that a run's jobs share may go with the last of them just when another comes."""
    for left in reversed(range(SHARED_TRIES)):
        try:
            workspace.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
            workspace.mkdir(mode=0o700, exist_ok=True)
        except (FileNotFoundError, FileExistsError):
            if not left:
                raise
        else:
            return


def unowned(site: Site, keep: Collection[AttemptKey]) -> list[AttemptKey]:
    keys = []
    with suppress(FileNotFoundError):
        for entry in os.scandir(site.folder):
            with suppress(ValueError):
                keys.append(AttemptKey.parse(entry.name))
    return sorted(key for key in keys if key not in keep)


async def end(folder: RoomFolder, changes: Changes, grace: float) -> bool:
    """Cancel what still runs, at once where there is no grace. False when the supervisor lives on."""
    if not folder.alive():
        return True
    if not grace:
        folder.write("stop", STOP_NOW.encode())
    elif not folder.has("stop"):
        folder.write("stop", b"the job's room was closed")
    try:
        async with asyncio.timeout(grace + END_DEADLINE):
            while folder.alive():
                changes.clear()
                if folder.alive():
                    await changes.wait()
    except TimeoutError:
        return False
    return True


def remove(site: Site, key: AttemptKey) -> None:
    """Blocking. Raises OSError where something cannot be removed; the control folder then stays, for another try."""
    workspace = site.workspace(key)
    for folder in (workspace, aside(site, key)):
        _remove_tree(folder)
    with suppress(OSError):
        workspace.parent.rmdir()
    shutil.rmtree(site.control(key))


def aside(site: Site, key: AttemptKey) -> Path:
    """Where a room on the host keeps what is not of the workspace: the steps' home and scripts."""
    workspace = site.workspace(key)
    return workspace.with_name(f"{workspace.name}.aside")


def _remove_tree(folder: Path) -> None:
    """By the supervisor's program, which minds links and any depth: the job may have left anything."""
    if not folder.exists():
        return
    with suppress(OSError):
        folder.rmdir()
        return
    command = [str(supervisor.for_this_machine()), "empty", str(folder)]
    subprocess.run(command, check=False, timeout=EMPTY_DEADLINE, capture_output=True)
    folder.rmdir()
