"""What the containers beside a job's look like: its services, and the one that keeps a network that they share."""

from collections.abc import Mapping
from typing import Any

from flowforge.adapters.executors.docker import container
from flowforge.adapters.executors.docker.container import Make
from flowforge.adapters.executors.docker.profile import profile
from flowforge.adapters.executors.site import Site
from flowforge.model.attempt import AttemptKey
from flowforge.model.service_spec import ServiceSpec

# Looks for open ports in images that may have no program for it; below a folder that every image has.
WATCHER = "/dev/flowforge"
SERVICE_LABEL = "flowforge.service"
# Enough for the last lines of one that would not start, and no disk full of a talkative one.
LOG = {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}}


def service_name(site: Site, key: AttemptKey, index: int) -> str:
    return f"{container.name(site, key)}-service-{index}"


def network_name(site: Site, key: AttemptKey) -> str:
    """Of the job's own network, and of the container that keeps a shared one."""
    return f"{container.name(site, key)}-network"


def service(site: Site, key: AttemptKey, spec: ServiceSpec, make: Make) -> dict[str, Any]:
    started: dict[str, Any] = {}
    entrypoint = spec.entrypoint or (make.grant.entrypoint if make.grant else ())
    if entrypoint:
        started["Entrypoint"] = list(entrypoint)
    if spec.command and entrypoint == spec.entrypoint:
        started["Cmd"] = list(spec.command)
    elif entrypoint:
        started["Cmd"] = []
    return {
        "Image": make.image,
        **({"User": spec.user} if spec.user else {}),
        **started,
        "Env": [f"{name}={value}" for name, value in spec.env.items()],
        "Labels": {**container.labels(site, key), SERVICE_LABEL: spec.names[0]},
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host(make),
    }


def keeper(site: Site, key: AttemptKey, make: Make, names: tuple[str, ...]) -> dict[str, Any]:
    """Does nothing: a network namespace lives as long as the container it was made for, whichever service ends."""
    spec = service(site, key, ServiceSpec(names=("network",), image=make.image), make)
    hosts = {"ExtraHosts": [f"{name}:127.0.0.1" for name in names]}
    return {
        **spec,
        "User": "65534:65534",
        "Entrypoint": [WATCHER, "hold"],
        "Cmd": [],
        "Env": [],
        "HostConfig": {**spec["HostConfig"], **hosts, "CapAdd": []},
    }


def own_ports(network: str) -> dict[str, Any]:
    """Low ports are like others in a network namespace of one's own; Docker says so unasked, Podman does not."""
    return {} if network == "host" else {"Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"}}


def on_network(spec: Mapping[str, Any], network: str, aliases: tuple[str, ...]) -> dict[str, Any]:
    host = {**spec["HostConfig"], "NetworkMode": network, **own_ports(network)}
    ends = {"EndpointsConfig": {network: {"Aliases": list(aliases)}}}
    return {**spec, "HostConfig": host, "NetworkingConfig": ends}


def in_namespace(spec: Mapping[str, Any], mode: str) -> dict[str, Any]:
    return {**spec, "HostConfig": {**spec["HostConfig"], "NetworkMode": mode}}


def _host(make: Make) -> dict[str, Any]:
    return {
        "Mounts": [
            container.bind(make.program, WATCHER, read_only=True),
            *container.socket_mount(make.grant, make.engine_socket),
        ],
        "LogConfig": LOG,
        **profile(make.limits, make.grant),
        **make.host,
    }
