"""A container that was started before there was a job for it, and how a job comes to own it.

A slot has folders and a name of its own. The job that takes it gets its folders, by a rename that the mounts in the
container follow, and a record beside its control folder that names the container (docs/decisions/0011).
"""

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowforge.adapters.executors.docker import container
from flowforge.adapters.executors.lodging import slot_record
from flowforge.adapters.executors.room_folder import RoomFolder
from flowforge.adapters.executors.site import Site
from flowforge.model.attempt import AttemptKey

SLOT_LABEL = "flowforge.slot"
OWN_MOUNTS = (container.CONTROL, container.WORKSPACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """An image as it is now, and the container that a job gets of it. `spec` names some job; the likeness does not."""

    image_id: str
    spec: Mapping[str, Any]

    @property
    def likeness(self) -> tuple[str, str]:
        """Equal for containers that differ in nothing but whose they are."""
        host = self.spec["HostConfig"]
        mounts = [mount for mount in host["Mounts"] if mount["Target"] not in OWN_MOUNTS]
        alike = {**self.spec, "Labels": {}, "Entrypoint": [], "HostConfig": {**host, "Mounts": mounts}}
        return self.image_id, json.dumps(alike, sort_keys=True, default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """`container` is the engine's id of it, `born` on the loop's clock."""

    id: str
    container: str
    recipe: Recipe
    born: float


def name(site: Site, slot: str) -> str:
    return f"flowforge-{site.instance}-slot-{slot}"


def control(site: Site, slot: str) -> Path:
    return site.folder / f"slot-{slot}"


def workspace(site: Site, slot: str) -> Path:
    return _workspaces(site) / slot


def _workspaces(site: Site) -> Path:
    """The folder of workspaces may serve several instances."""
    return site.workspaces / f"slots-{site.instance}"


def waiting(site: Site, slot: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The container of a job that is yet to come, from one that names any job."""
    folders = {container.CONTROL: control(site, slot), container.WORKSPACE: workspace(site, slot)}
    host = spec["HostConfig"]
    mounts = [
        {**mount, "Source": str(folders[mount["Target"]].absolute())} if mount["Target"] in folders else mount
        for mount in host["Mounts"]
    ]
    return {
        **spec,
        "Entrypoint": [container.SUPERVISOR, "wait", container.CONTROL],
        "Labels": {container.INSTANCE_LABEL: site.instance, SLOT_LABEL: slot},
        "HostConfig": {**host, "Mounts": mounts},
    }


def make_folders(site: Site, slot: str) -> None:
    control(site, slot).mkdir(mode=0o700, parents=True)
    _workspaces(site).mkdir(mode=0o711, parents=True, exist_ok=True)
    workspace(site, slot).mkdir(mode=0o700)


def remove_folders(site: Site, slot: str) -> None:
    """No job was ever in them."""
    with suppress(FileNotFoundError):
        shutil.rmtree(control(site, slot))
    for folder in (workspace(site, slot), _workspaces(site)):
        with suppress(OSError):
            folder.rmdir()


def waits(site: Site, slot: str) -> bool:
    """Its supervisor lives and would take a plan."""
    try:
        folder = RoomFolder(control(site, slot))
    except FileNotFoundError:
        return False
    try:
        return folder.alive()
    finally:
        folder.close()


def hand_over(site: Site, key: AttemptKey, slot: Slot) -> bool:
    """Blocking. False, and nothing is done, where the slot is dead or the attempt's folders are not empty. The record
    comes first, so that whoever finds the attempt finds the container, however far this got."""
    if not waits(site, slot.id) or any(map(_filled, (site.control(key), site.workspace(key)))):
        return False
    record = slot_record(site, key)
    draft = record.with_name(f"{record.name}.draft")
    draft.write_text(json.dumps({"slot": slot.id, "container": slot.container}), encoding="utf-8")
    draft.rename(record)
    workspace(site, slot.id).rename(site.workspace(key))
    control(site, slot.id).rename(site.control(key))
    with suppress(OSError):
        _workspaces(site).rmdir()
    return True


def _filled(folder: Path) -> bool:
    return next(folder.iterdir(), None) is not None


def taken(site: Site, key: AttemptKey) -> tuple[str, str] | None:
    """The slot and the container that the attempt took; None where it has a container of its own. Blocking, but for so
    small a file in a folder of ours that a passage to a thread costs more."""
    try:
        known = json.loads(slot_record(site, key).read_text(encoding="utf-8"))
        return str(known["slot"]), str(known["container"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def lingers(site: Site, key: AttemptKey) -> bool:
    """The attempt's container waited once, and its job is over."""
    try:
        folder = RoomFolder(site.control(key))
    except FileNotFoundError:
        return False
    try:
        return taken(site, key) is not None and not folder.alive()
    finally:
        folder.close()


def forget(site: Site, key: AttemptKey) -> None:
    slot_record(site, key).unlink(missing_ok=True)


def all_taken(site: Site, keys: Iterable[AttemptKey]) -> set[str]:
    return {found[0] for key in keys if (found := taken(site, key)) is not None}


def stray_folders(site: Site, keep: Collection[str]) -> list[str]:
    found = set()
    with suppress(FileNotFoundError, NotADirectoryError):
        found = {entry.name.removeprefix("slot-") for entry in site.folder.glob("slot-*")}
    with suppress(FileNotFoundError, NotADirectoryError):
        found |= {entry.name for entry in _workspaces(site).iterdir()}
    return sorted(slot for slot in found if slot not in keep)
