"""Whether the engine sees our folders: one that runs elsewhere, or beside a FlowForge in a container, does not."""

import asyncio
import io
import secrets
import tarfile
from pathlib import Path

from flowforge.adapters.executors.docker import container
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.site import Site
from flowforge.errors import EngineUnavailable

# How Docker and Podman say that a mount's source is not on their machine.
UNSEEN = ("bind source path does not exist", "no such file or directory")


async def check(engine: Engine, site: Site, image: str) -> None:
    """Mounts a nonce and reads it back through the engine; the container is never started. One at a time. Raises
    `EngineUnavailable` that says what to set."""
    for folder in (site.folder, site.workspaces):
        if await _reaches(engine, site, image, folder):
            continue
        raise EngineUnavailable(
            f"the container engine at {engine.address} does not see the folder {folder}: set FLOWFORGE_DATA and "
            "FLOWFORGE_WORKSPACE_ROOT to folders that have the same path on the engine's machine",
            final=True,
        )


async def _reaches(engine: Engine, site: Site, image: str, folder: Path) -> bool:
    nonce = secrets.token_hex(16)
    probe = _probe_file(site, folder)
    name = f"flowforge-{site.instance}-probe"
    await asyncio.to_thread(_put, probe, nonce)
    mount = {"Type": "bind", "Source": str(probe.absolute()), "Target": "/flowforge-probe", "ReadOnly": True}
    spec = {
        "Image": image,
        "Entrypoint": ["/flowforge-probe"],
        "Labels": {container.INSTANCE_LABEL: site.instance},
        "HostConfig": {"Mounts": [mount], "NetworkMode": "none"},
    }
    try:
        await engine.remove(name)
        await engine.create(name, spec)
        archive = await engine.archive(name, "/flowforge-probe")
    except EngineUnavailable as error:
        if any(words in error.message for words in UNSEEN):
            return False
        raise
    finally:
        await asyncio.to_thread(probe.unlink, missing_ok=True)
        await engine.remove(name)
    return archive is not None and nonce.encode() in _first_file(archive)


def clean(site: Site) -> None:
    """What a check that was killed left behind, but for its container, which has our label."""
    for folder in (site.folder, site.workspaces):
        _probe_file(site, folder).unlink(missing_ok=True)


def _probe_file(site: Site, folder: Path) -> Path:
    """One name an instance, so that the next check replaces what a killed one left; folders may be shared."""
    return folder / f".probe-{site.instance}"


def _put(probe: Path, nonce: str) -> None:
    probe.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    probe.write_text(nonce)


def _first_file(archive: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.next()
        file = tar.extractfile(member) if member is not None else None
        return file.read(1024) if file is not None else b""
