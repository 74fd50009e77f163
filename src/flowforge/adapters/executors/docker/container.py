"""What a job's container looks like: its names, its mounts, and what it may not do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowforge.adapters.executors.site import Site
from flowforge.model.attempt import AttemptKey

WORKSPACE = "/workspace"
# A tmpfs, so that it exists in a read-only image. `private` is for the supervisor, which closes it to other users.
OURS = "/.flowforge"
CONTROL = f"{OURS}/private/control"
SUPERVISOR = f"{OURS}/private/supervisor"
SCRIPTS = f"{OURS}/scripts"

# What a supervisor that serves another user and the package managers of common images need, and nothing else.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID")

INSTANCE_LABEL = "flowforge.instance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`memory` is in bytes, None for no bound. `read_only` gives jobs a root they cannot write to, and a fresh /tmp."""

    pids: int = 1024
    memory: int | None = None
    read_only: bool = False


def name(site: Site, key: AttemptKey) -> str:
    return f"flowforge-{site.instance}-{key}"


def labels(site: Site, key: AttemptKey) -> dict[str, str]:
    return {
        INSTANCE_LABEL: site.instance,
        "flowforge.run": str(key.run),
        "flowforge.job": str(key.job),
        "flowforge.attempt": str(key.number),
    }


def attempt(labels: Mapping[str, str]) -> AttemptKey | None:
    """The attempt that labels name, None where they name none."""
    try:
        run, job, number = (int(labels[f"flowforge.{part}"]) for part in ("run", "job", "attempt"))
    except (KeyError, ValueError):
        return None
    return AttemptKey(run=run, job=job, number=number)


def spec(site: Site, key: AttemptKey, image: str, program: Path, limits: Limits) -> dict[str, Any]:
    return {
        "Image": image,
        "User": "0:0",
        "Entrypoint": [SUPERVISOR, "run", CONTROL],
        "Cmd": [],
        "WorkingDir": WORKSPACE,
        "Labels": labels(site, key),
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host(site, key, program, limits),
    }


def _host(site: Site, key: AttemptKey, program: Path, limits: Limits) -> dict[str, Any]:
    tmpfs = {OURS: "rw,nosuid,nodev,noexec,mode=0711,size=80m"}
    if limits.read_only:
        tmpfs["/tmp"] = "rw,nosuid,nodev,exec,mode=1777"  # noqa: S108 - the container's own
    memory = {} if limits.memory is None else {"Memory": limits.memory, "MemorySwap": limits.memory}
    return {
        "Mounts": [
            _bind(site.control(key), CONTROL),
            _bind(program, SUPERVISOR, read_only=True),
            _bind(site.workspace(key), WORKSPACE),
        ],
        "Tmpfs": tmpfs,
        "CapDrop": ["ALL"],
        "CapAdd": list(CAPABILITIES),
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": limits.pids,
        "ReadonlyRootfs": limits.read_only,
        "Privileged": False,
        "Init": False,
        "LogConfig": {"Type": "none"},
        **memory,
    }


def _bind(source: Path, target: str, *, read_only: bool = False) -> dict[str, Any]:
    """As a mount, not as a `Binds` entry: an engine elsewhere must refuse a missing source, not make it."""
    return {"Type": "bind", "Source": str(source.absolute()), "Target": target, "ReadOnly": read_only}
