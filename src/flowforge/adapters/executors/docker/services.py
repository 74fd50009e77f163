"""A job's services: begun before its first step, and waited for."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowforge.adapters.executors.docker import service_container
from flowforge.adapters.executors.docker.engine import ContainerState, Engine
from flowforge.adapters.executors.docker.images import ImageFacts
from flowforge.adapters.executors.docker.policy import megabytes
from flowforge.adapters.executors.docker.service_container import WATCHER
from flowforge.errors import BadInput, ServiceUnavailable
from flowforge.model.order import JobOrder
from flowforge.model.service_spec import HealthCheck, ServiceReach, ServiceSpec

# How long one look for an open port lasts before it is asked whether the service still runs.
LOOK_MS = 1000
# What an image says of its ports is a hint, not a promise: some images have more of them than a service opens.
HINT_PATIENCE = 20.0
PAUSE = 0.1
LAST_LINES = 6
LONGEST_LINE = 200
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`container` is its name at the engine, `facts` its image's."""

    spec: ServiceSpec
    container: str
    facts: ImageFacts
    reach: ServiceReach

    def __str__(self) -> str:
        return f"the service {self.spec.names[0]} ({self.spec.image})"


def check_names(order: JobOrder) -> None:
    """Raises `BadInput` for names that no resolver could answer for, or answers for twice."""
    known: set[str] = set()
    for service in order.services:
        for name in service.names:
            if not NAME.fullmatch(name):
                raise BadInput(f"{name!r} cannot be the name of a service on a network", field="services")
            if name.lower() in known:
                raise BadInput(f"two services of the job are called {name}", field="services")
            known.add(name.lower())


async def begin(engine: Engine, service: Service, spec: Mapping[str, Any]) -> None:
    """Made, started, and ready when this returns. Raises `BadInput` where it ends by itself, `ServiceUnavailable` where it is
    not ready in time."""
    if not await engine.create(service.container, spec):
        await engine.remove(service.container)
        await engine.create(service.container, spec)
    if refusal := await engine.try_start(service.container):
        raise BadInput(f"{service} cannot be started: {refusal}", field="services")
    try:
        async with asyncio.timeout(service.spec.deadline):
            await _ready(engine, service)
    except TimeoutError:
        raise ServiceUnavailable(
            f"{service} was not ready within {service.spec.deadline:g} s: {_wanted(service)}"
            f"{await _last_words(engine, service)}"
        ) from None


async def _ready(engine: Engine, service: Service) -> None:
    check = service.spec.health or service.facts.health
    if check is not None:
        await _healthy(engine, service, check)
    elif service.spec.ports:
        await _listening(engine, service, service.spec.ports)
    elif service.facts.ports:
        try:
            async with asyncio.timeout(HINT_PATIENCE):
                await _listening(engine, service, service.facts.ports)
        except TimeoutError:
            await _alive(engine, service)
    else:
        await _alive(engine, service)


async def _healthy(engine: Engine, service: Service, check: HealthCheck) -> None:
    user = service.spec.user or service.facts.user
    while await engine.execute(service.container, check.command, user=user, deadline=check.timeout) != 0:
        await _alive(engine, service)
        await asyncio.sleep(check.interval)


async def _listening(engine: Engine, service: Service, ports: tuple[int, ...]) -> None:
    """Listening on its own loopback is enough only where the job shares that."""
    where = "outside" if service.reach is ServiceReach.BY_NAME else "any"
    look = (WATCHER, "listening", str(LOOK_MS), where, *map(str, ports))
    while await engine.execute(service.container, look, user="0:0", deadline=LOOK_MS / 1000 + 10) != 0:
        await _alive(engine, service)
        await asyncio.sleep(PAUSE)


async def _alive(engine: Engine, service: Service) -> None:
    state = await engine.state(service.container)
    if state is None:
        raise ServiceUnavailable(f"{service} was removed from outside")
    if state.status != "running":
        raise BadInput(
            f"{service} {_death(state)} before it was ready{await _last_words(engine, service)}",
            field="services",
        )


def _death(state: ContainerState) -> str:
    if state.oom_killed:
        return f"ran out of memory, of which it may use {megabytes(state.memory)}," if state.memory else (
            "was killed because its machine ran out of memory"
        )  # fmt: skip
    error = f" ({state.error})" if state.error else ""
    return f"ended with code {state.exit_code}{error}"


def _wanted(service: Service) -> str:
    if check := service.spec.health or service.facts.health:
        return f"its health check `{' '.join(check.command)[:LONGEST_LINE]}` did not succeed"
    ports = service.spec.ports or service.facts.ports
    return f"it listens on none of its ports ({', '.join(map(str, ports))})"


async def _last_words(engine: Engine, service: Service) -> str:
    said = (await engine.last_words(service.container, LAST_LINES)).decode("utf-8", "replace")
    lines = ["".join(c for c in line if c.isprintable())[:LONGEST_LINE] for line in said.splitlines()]
    kept = [line.strip() for line in lines if line.strip()][-LAST_LINES:]
    return f"; it printed last: {' | '.join(kept)}" if kept else "; it printed nothing"


def placed(spec: Mapping[str, Any], service: Service, network: str, keeper: str) -> dict[str, Any]:
    """Where the job finds it."""
    if service.reach is ServiceReach.LOCALHOST:
        return service_container.in_namespace(spec, f"container:{keeper}")
    return service_container.on_network(spec, network, service.spec.names)
