"""The containers and the network that a job has besides its own container."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flowforge.adapters.executors import supervisor
from flowforge.adapters.executors.docker import container, network, service_container, services
from flowforge.adapters.executors.docker.container import Make
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.grants import Granted
from flowforge.adapters.executors.docker.images import ImageFacts
from flowforge.adapters.executors.docker.network import MOST_SERVICES, Outside
from flowforge.adapters.executors.docker.policy import ContainerPolicy, Limits
from flowforge.adapters.executors.docker.service_container import own_ports
from flowforge.adapters.executors.docker.services import Service
from flowforge.adapters.executors.docker.together import together
from flowforge.adapters.executors.site import Site
from flowforge.errors import BadInput
from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder
from flowforge.model.resources import Network
from flowforge.model.service_spec import ServiceReach


@dataclass(frozen=True, slots=True, kw_only=True)
class Guests:
    """What a job's order says about its containers, settled: facts by image, limits with the runner's own, its grant."""

    order: JobOrder
    facts: Mapping[str, ImageFacts]
    limits: Limits
    granted: Granted

    def make(self, image: str, engine_socket: str) -> Make:
        grant = self.granted.of(image)
        facts = self.facts[image]
        return Make(
            # What a grant was given to is a content: its name may come to mean another one at any moment.
            image=facts.id if grant else image,
            program=_program(facts),
            limits=self.limits,
            grant=grant,
            engine_socket=engine_socket,
        )


class Company:
    """Everything is named by the attempt, so that whoever comes later finds it."""

    def __init__(self, engine: Engine, site: Site, policy: ContainerPolicy) -> None:
        self._engine = engine
        self._site = site
        self._policy = policy
        self._alone: set[AttemptKey] = set()

    async def gather(self, key: AttemptKey, guests: Guests) -> Mapping[str, Any]:
        """Begin the job's services and wait for them. Answers what the job's own container must say to be among them."""
        order = guests.order
        if not order.services:
            self._alone.add(key)
            return self.usual_network(order)
        services.check_names(order)
        if len(order.services) > MOST_SERVICES:
            raise BadInput(f"a job has at most {MOST_SERVICES} services", field="services")
        await self._clear(key)
        host = await self._network(key, guests)
        await together(self._service(key, guests, index) for index in range(len(order.services)))
        return host

    async def dismiss(self, key: AttemptKey) -> None:
        """Remove all of the attempt that is at the engine, its own container too."""
        if key in self._alone:
            await self._engine.remove(container.name(self._site, key))
            self._alone.discard(key)
        else:
            await self._clear(key)

    async def _clear(self, key: AttemptKey) -> None:
        labels = container.labels(self._site, key)
        names = {found["Names"][0].lstrip("/") for found in await self._engine.labelled("containers", labels)}
        # What others live in goes last, or Podman keeps it.
        keeper = names & {service_container.network_name(self._site, key)}
        await together(self._engine.remove(name) for name in names - keeper)
        await together(self._engine.remove(name) for name in keeper)
        for found in await self._engine.labelled("networks", labels):
            await self._engine.remove_other("networks", found["Name"])

    def usual_network(self, order: JobOrder) -> dict[str, Any]:
        if order.network is Network.NONE:
            return {"NetworkMode": "none"}
        if self._policy.network:
            return {"NetworkMode": self._policy.network, **own_ports(self._policy.network)}
        return own_ports("")

    async def _network(self, key: AttemptKey, guests: Guests) -> dict[str, Any]:
        order, name = guests.order, service_container.network_name(self._site, key)
        if order.reach is ServiceReach.LOCALHOST:
            await self._keeper(key, guests, name)
            return {"NetworkMode": f"container:{name}"}
        outside = Outside.CLOSED if order.network is Network.NONE else Outside.OPEN
        labels = container.labels(self._site, key)
        await network.make(self._engine, name, labels, self._policy.subnets, outside)
        return {"NetworkMode": name, **own_ports(name)}

    async def _keeper(self, key: AttemptKey, guests: Guests, name: str) -> None:
        order = guests.order
        image = order.image or order.services[0].image
        make = Make(image=image, program=_program(guests.facts[image]), limits=Limits(pids=16))
        names = tuple(name for service in order.services for name in service.names)
        spec = service_container.keeper(self._site, key, make, names)
        spec["HostConfig"] |= self.usual_network(order)
        await self._engine.create(name, spec)
        await self._engine.start(name)

    async def _service(self, key: AttemptKey, guests: Guests, index: int) -> None:
        order = guests.order
        spec = order.services[index]
        service = Service(
            spec=spec,
            container=service_container.service_name(self._site, key, index),
            facts=guests.facts[spec.image],
            reach=order.reach,
        )
        # A root that cannot be written to is for jobs: few services would do with it.
        limits = replace(guests.limits, read_only=False)
        make = replace(guests.make(spec.image, self._engine.socket_path), limits=limits)
        made = service_container.service(self._site, key, spec, make)
        network = service_container.network_name(self._site, key)
        await services.begin(
            self._engine, service, services.placed(made, service, network=network, keeper=network)
        )


def _program(facts: ImageFacts) -> Path:
    return supervisor.for_containers(facts.architecture)
