"""What every container of a job may and may not do, but for an admin's grant (docs/explanation/job-containers.md)."""

from typing import Any

from flowforge.adapters.executors.docker.policy import Limits
from flowforge.model.grant import Grant

# What a supervisor that serves another user and the package managers of common images need, and nothing else.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID")


def profile(limits: Limits, grant: Grant | None = None) -> dict[str, Any]:
    """The engine's own seccomp filter, masked paths and namespaces hold because nothing here says otherwise."""
    return {
        **_bounds(limits),
        **_privileges(grant),
        "IpcMode": "private",
        "ReadonlyRootfs": limits.read_only,
        "Init": False,
        "Devices": [_device(path) for path in grant.devices] if grant else [],
    }


def _bounds(limits: Limits) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    if limits.pids is not None:
        bounds["PidsLimit"] = limits.pids
    if limits.memory is not None:
        bounds |= {"Memory": limits.memory, "MemorySwap": limits.memory}
    if limits.cpus is not None:
        bounds["NanoCpus"] = round(limits.cpus * 1e9)
    if limits.shm is not None:
        bounds["ShmSize"] = limits.shm
    return bounds


def _privileges(grant: Grant | None) -> dict[str, Any]:
    if grant is not None and grant.privileged:
        return {"Privileged": True}
    more = grant.capabilities if grant else ()
    return {
        "Privileged": False,
        "CapDrop": ["ALL"],
        "CapAdd": sorted({*CAPABILITIES, *more}),
        "SecurityOpt": [] if grant and grant.new_privileges else ["no-new-privileges"],
    }


def _device(path: str) -> dict[str, str]:
    return {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": "rwm"}
