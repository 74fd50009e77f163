"""A room's folders: made before anything else has its name, removed after everything else is gone."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Collection, Mapping
from contextlib import suppress
from itertools import islice
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
SHALLOW = 20
HOME, SCRIPTS = ASIDE = ("home", "scripts")


def make(site: Site, key: AttemptKey) -> None:
    """Raises `Conflict` for a workspace that has files but no control folder of ours: another instance's."""
    workspace = site.workspace(key)
    if not site.control(key).exists() and workspace.exists() and any(workspace.iterdir()):
        raise Conflict(f"the workspace {workspace} exists already and was not made for this attempt")
    site.control(key).mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_workspace(workspace)


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


def keep_secrets(site: Site, key: AttemptKey, secrets: Mapping[str, str]) -> None:
    """For as long as the room stands, where only we can read them: whoever resumes it must mask what it was begun with,
    whatever the values are by then."""
    path = _secrets(site, key)
    path.unlink(missing_ok=True)
    with open(path, "x", encoding="utf-8", opener=_open_private) as file:
        json.dump(dict(secrets), file)


def kept_secrets(site: Site, key: AttemptKey) -> dict[str, str] | None:
    """None where there is no such room, or what it was begun with is lost."""
    try:
        known = json.loads(_secrets(site, key).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return dict(known) if site.control(key).is_dir() else None


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
    for name in ASIDE:
        _remove_shallow(aside(site, key) / name)
    for folder in (workspace, aside(site, key)):
        _remove_tree(folder)
    with suppress(OSError):
        workspace.parent.rmdir()
    _secrets(site, key).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(site.control(key))
    slot_record(site, key).unlink(missing_ok=True)


def aside(site: Site, key: AttemptKey) -> Path:
    """Where a room on the host keeps what is not of the workspace: the steps' home and scripts."""
    workspace = site.workspace(key)
    return workspace.with_name(f"{workspace.name}.aside")


def slot_record(site: Site, key: AttemptKey) -> Path:
    """Names the container that was started before there was this attempt, where it has such a one."""
    return _beside(site, key, "slot")


def _secrets(site: Site, key: AttemptKey) -> Path:
    return _beside(site, key, "secrets")


def _beside(site: Site, key: AttemptKey, kind: str) -> Path:
    """Not in the control folder, which a job in a container can read and may write."""
    control = site.control(key)
    return control.with_name(f"{control.name}.{kind}")


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _remove_shallow(folder: Path) -> None:
    """A folder with few files, as far as it goes: most jobs leave no other, and a program costs more than they do."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        for name in islice(os.listdir(fd), SHALLOW):  # noqa: PTH208  of the folder that is open
            os.unlink(name, dir_fd=fd)
        folder.rmdir()
    except OSError:
        return  # another folder is in it
    finally:
        os.close(fd)


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
