"""Whether the engine sees our folders: one that runs elsewhere, or beside a FlowForge in a container, does not."""

import asyncio
import io
import secrets
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from flowforge.adapters.executors.docker import container
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.site import Site
from flowforge.errors import EngineUnavailable

# A file in a folder: Podman reads none back that is a mount itself.
NONCE = "nonce"
# How Docker and Podman say that a mount's source is not on their machine.
UNSEEN = ("bind source path does not exist", "no such file or directory")


async def check(engine: Engine, site: Site, image: str) -> None:
    """Mounts nonces and reads them back through the engine; the container is never started. One at a time. Raises
    `EngineUnavailable` that says what to set."""
    for folder in await _unseen(engine, site, image, (site.folder, site.workspaces)):
        raise EngineUnavailable(
            f"the container engine at {engine.address} does not see the folder {folder}: set FLOWFORGE_DATA and "
            "FLOWFORGE_WORKSPACE_ROOT to folders that have the same path on the engine's machine",
            final=True,
        )


async def _unseen(engine: Engine, site: Site, image: str, folders: Sequence[Path]) -> Sequence[Path]:
    """In one container for all, which is enough where all is well; an engine that refuses it does not say for whom."""
    nonces = {folder: secrets.token_hex(16) for folder in folders}
    name = f"flowforge-{site.instance}-probe"
    try:
        for folder, nonce in nonces.items():
            await _prepare(_probe_folder(site, folder), nonce)
        await engine.remove(name)
        await engine.create(name, _spec(site, image, folders))
        return [
            folder for at, folder in enumerate(folders) if not await _reads(engine, name, at, nonces[folder])
        ]
    except EngineUnavailable as error:
        if not any(words in error.message for words in UNSEEN):
            raise
        if len(folders) == 1:
            return folders
        return [each for folder in folders for each in await _unseen(engine, site, image, (folder,))]
    finally:
        for folder in folders:
            await asyncio.to_thread(_drop, _probe_folder(site, folder))
        await engine.remove(name)


async def _prepare(probe: Path, nonce: str) -> None:
    try:
        await asyncio.to_thread(_put, probe, nonce)
    except OSError as error:
        raise EngineUnavailable(
            f"the folder {probe.parent} cannot be written ({error.strerror or error}): set FLOWFORGE_DATA and "
            "FLOWFORGE_WORKSPACE_ROOT to folders that the server may make and write to",
            final=True,
        ) from None


def _spec(site: Site, image: str, folders: Sequence[Path]) -> dict[str, object]:
    mounts = [
        {
            "Type": "bind",
            "Source": str(_probe_folder(site, folder).absolute()),
            "Target": _target(at),
            "ReadOnly": True,
        }
        for at, folder in enumerate(folders)
    ]
    return {
        "Image": image,
        "Entrypoint": [_target(0)],
        "Labels": {container.INSTANCE_LABEL: site.instance},
        "HostConfig": {"Mounts": mounts, "NetworkMode": "none"},
    }


def _target(at: int) -> str:
    return f"/flowforge-probe-{at}"


async def _reads(engine: Engine, name: str, at: int, nonce: str) -> bool:
    archive = await engine.archive(name, f"{_target(at)}/{NONCE}")
    return archive is not None and nonce.encode() in _first_file(archive)


def clean(site: Site) -> None:
    """What a check that was killed left behind, but for its container, which has our label."""
    for folder in (site.folder, site.workspaces):
        _drop(_probe_folder(site, folder))


def _probe_folder(site: Site, folder: Path) -> Path:
    """One name an instance, so that the next check replaces what a killed one left; folders may be shared."""
    return folder / f".probe-{site.instance}"


def _put(probe: Path, nonce: str) -> None:
    probe.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    probe.mkdir(mode=0o711, exist_ok=True)
    (probe / NONCE).write_text(nonce)


def _drop(probe: Path) -> None:
    """What stays for want of a right to remove it is what the next check complains of, in words."""
    with suppress(OSError):
        (probe / NONCE).unlink(missing_ok=True)
        probe.rmdir()


def _first_file(archive: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.next()
        file = tar.extractfile(member) if member is not None else None
        return file.read(1024) if file is not None else b""
