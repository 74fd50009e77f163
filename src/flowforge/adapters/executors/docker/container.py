"""What a job's container looks like: its names, its mounts, and where it stands on the network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowforge.adapters.executors.docker.policy import Limits
from flowforge.adapters.executors.docker.profile import profile
from flowforge.adapters.executors.site import Site
from flowforge.model.attempt import AttemptKey
from flowforge.model.grant import Grant

WORKSPACE = "/workspace"
# A tmpfs, so that it exists in a read-only image. `private` is for the supervisor, which closes it to other users.
OURS = "/.flowforge"
CONTROL = f"{OURS}/private/control"
SUPERVISOR = f"{OURS}/private/supervisor"
SCRIPTS = f"{OURS}/scripts"

INSTANCE_LABEL = "flowforge.instance"
ENGINE_SOCKET = "/var/run/docker.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """How one job's container is made: from which image, with which bounds, and `host` for what its place among the job's
    services asks for. `engine_socket` is the engine's own, where a grant gives it to the job."""

    image: str
    program: Path
    limits: Limits
    grant: Grant | None = None
    engine_socket: str = ""
    host: Mapping[str, Any] = field(default_factory=dict)


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


def spec(site: Site, key: AttemptKey, make: Make) -> dict[str, Any]:
    return {
        "Image": make.image,
        "User": "0:0",
        "Entrypoint": [SUPERVISOR, "run", CONTROL],
        "Cmd": [],
        "WorkingDir": WORKSPACE,
        "Labels": labels(site, key),
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host(site, key, make),
    }


def _host(site: Site, key: AttemptKey, make: Make) -> dict[str, Any]:
    tmpfs = {OURS: "rw,nosuid,nodev,noexec,mode=0711,size=80m"}
    if make.limits.read_only:
        tmpfs["/tmp"] = "rw,nosuid,nodev,exec,mode=1777"  # noqa: S108 - the container's own
    return {
        "Mounts": [
            bind(site.control(key), CONTROL),
            bind(make.program, SUPERVISOR, read_only=True),
            bind(site.workspace(key), WORKSPACE),
            *socket_mount(make.grant, make.engine_socket),
        ],
        "Tmpfs": tmpfs,
        "LogConfig": {"Type": "none"},
        **profile(make.limits, make.grant),
        **make.host,
    }


def socket_mount(grant: Grant | None, engine_socket: str) -> list[dict[str, Any]]:
    return [bind(Path(engine_socket), ENGINE_SOCKET)] if grant and grant.engine_socket else []


def bind(source: Path, target: str, *, read_only: bool = False) -> dict[str, Any]:
    """As a mount, not as a `Binds` entry: an engine elsewhere must refuse a missing source, not make it."""
    return {"Type": "bind", "Source": str(source.absolute()), "Target": target, "ReadOnly": read_only}
