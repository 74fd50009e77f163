"""Runs each job in a container of its own."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Self

import structlog

from flowforge.adapters.executors.docker import container, images, reach, vetting
from flowforge.adapters.executors.docker.company import Company, Guests
from flowforge.adapters.executors.docker.engine import ContainerState, Engine
from flowforge.adapters.executors.docker.engine_socket import DEFAULT_ADDRESS, EngineSocket
from flowforge.adapters.executors.docker.grants import granted
from flowforge.adapters.executors.docker.images import ImageFacts
from flowforge.adapters.executors.docker.policy import Code, ContainerPolicy, megabytes
from flowforge.adapters.executors.docker.together import together
from flowforge.adapters.executors.plan_file import Surroundings
from flowforge.adapters.executors.room import Ending
from flowforge.adapters.executors.room_folder import RoomFolder
from flowforge.adapters.executors.rooms import Rooms
from flowforge.adapters.executors.site import Site
from flowforge.errors import BadInput, EngineUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder
from flowforge.model.probe import Probe
from flowforge.model.status import Cause
from flowforge.ports import Room, Sources

log = structlog.get_logger(__name__)

# How long an engine may be away in the middle of a job: the job itself does not need it.
AWAY_DEADLINE = 60.0
AWAY_PAUSE = 0.5
ALIVE = ("created", "running", "paused", "restarting")


class DockerExecutor:
    """`address` is an engine's, as in DOCKER_HOST; None for the usual socket. Use it in `async with`; `open` works
    outside of it too, but then waits until a left room is removed."""

    def __init__(
        self,
        site: Site,
        sources: Sources,
        *,
        address: str | None = None,
        policy: ContainerPolicy | None = None,
    ) -> None:
        self._site = site
        self._engine = Engine(EngineSocket(address or DEFAULT_ADDRESS))
        self._policy = policy or ContainerPolicy()
        self._company = Company(self._engine, site, self._policy)
        self._rooms = Rooms(site, sources, self)
        self._reached = False
        self._warned = False
        self._reaching = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._rooms.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._rooms.__aexit__(*error)

    async def probe(self) -> Probe:
        try:
            version = await self._engine.version()
            image = await self._engine.some_image()
            if image is not None:
                await self._reach(image)
            await self._warn(version)
        except EngineUnavailable as error:
            return Probe(usable=False, reason=error.message)
        return Probe(usable=True, engine=vetting.engine_name(version))

    async def _warn(self, version: Mapping[str, Any]) -> None:
        """Once, however often it is probed."""
        if not self._warned and self._policy.code is Code.ANYBODYS:
            for sentence in vetting.weaknesses(version, await self._engine.info()):
                log.warning(sentence, engine=self._engine.address)
            self._warned = True

    def open(self, key: AttemptKey, order: JobOrder) -> AbstractAsyncContextManager[Room]:
        return self._rooms.open(key, order)

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        return await self._rooms.sweep(keep)

    async def prepare(self, key: AttemptKey, order: JobOrder) -> Surroundings:
        if order.image is None:
            raise BadInput("a job in a container needs an image", field="image")
        guests = await self._guests(order, order.image)
        await self._reach(order.image)
        facts, name = guests.facts[order.image], container.name(self._site, key)
        host = await self._company.gather(key, guests)
        spec = container.spec(
            self._site, key, replace(guests.make(order.image, self._engine.socket_path), host=host)
        )
        if not await self._engine.create(name, spec):
            await self._engine.remove(name)
            await self._engine.create(name, spec)
        return Surroundings(
            workspace=container.WORKSPACE,
            scripts=container.SCRIPTS,
            user=facts.user,
            env=facts.env,
            grace=self._site.grace,
            limits=guests.limits.resources,
        )

    async def _guests(self, order: JobOrder, image: str) -> Guests:
        references = {image, *(service.image for service in order.services)}
        limits = self._policy.limits.under(order.resources)
        if limits.cpus is not None:
            limits = replace(limits, cpus=min(limits.cpus, await self._engine.cpus()))
        facts = await self._facts(references)
        return Guests(
            order=order,
            facts=facts,
            limits=limits,
            granted=granted(order, self._policy.grants, facts),
        )

    async def _facts(self, references: Collection[str]) -> Mapping[str, ImageFacts]:
        found = await together(images.ensure(self._engine, reference) for reference in references)
        return dict(zip(references, found, strict=True))

    async def start(self, key: AttemptKey, folder: RoomFolder) -> None:
        del folder
        await self._engine.start(container.name(self._site, key))

    async def autopsy(self, key: AttemptKey) -> Ending | None:
        state = await self._state(container.name(self._site, key))
        if state is None:
            return Ending(cause=Cause.LOST, reason="the job's container was removed from outside")
        if state.status in ALIVE:
            return None
        if state.oom_killed:
            limit = f": the job's limit is {megabytes(state.memory)}" if state.memory else ""
            return Ending(cause=Cause.OOM, reason=f"the job's container ran out of memory{limit}")
        error = f": {state.error}" if state.error else ""
        return Ending(
            cause=Cause.LOST, reason=f"the job's container ended with code {state.exit_code}{error}"
        )

    async def evict(self, key: AttemptKey) -> None:
        await self._company.dismiss(key)

    async def strays(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        async with self._reaching:
            await asyncio.to_thread(reach.clean, self._site)
            return await self._remove_labelled(keep)

    async def _remove_labelled(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        label = {container.INSTANCE_LABEL: self._site.instance}
        removed = []
        for found in await self._engine.labelled("containers", label):
            if container.attempt(found["Labels"]) not in keep:
                await self._engine.remove(found["Id"])
                removed.append(f"container {found['Names'][0].lstrip('/')}")
        for noun in ("networks", "volumes"):
            for found in await self._engine.labelled(noun, label):
                if container.attempt(found["Labels"]) not in keep:
                    await self._engine.remove_other(noun, found["Name"])
                    removed.append(f"{noun[:-1]} {found['Name']}")
        return removed

    async def _reach(self, image: str) -> None:
        async with self._reaching:
            if not self._reached:
                await reach.check(self._engine, self._site, image)
                self._reached = True

    async def _state(self, name: str) -> ContainerState | None:
        """Waits for an engine that is away. Raises `EngineUnavailable` when it stays so."""
        try:
            async with asyncio.timeout(AWAY_DEADLINE):
                while True:
                    try:
                        return await self._engine.state(name)
                    except EngineUnavailable:
                        await asyncio.sleep(AWAY_PAUSE)
        except TimeoutError:
            raise EngineUnavailable(f"the container engine at {self._engine.address} went away") from None
