"""Runs each job in a container of its own."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Self

from flowforge.adapters.executors import supervisor
from flowforge.adapters.executors.docker import container, images, reach
from flowforge.adapters.executors.docker.container import Limits
from flowforge.adapters.executors.docker.engine import ContainerState, Engine
from flowforge.adapters.executors.docker.engine_socket import DEFAULT_ADDRESS, EngineSocket
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

# How long an engine may be away in the middle of a job: the job itself does not need it.
AWAY_DEADLINE = 60.0
AWAY_PAUSE = 0.5
ALIVE = ("created", "running", "paused", "restarting")


class DockerExecutor:
    """`address` is an engine's, as in DOCKER_HOST; None for the usual socket. Use it in `async with`; `open` works
    outside of it too, but then waits until a left room is removed."""

    def __init__(
        self, site: Site, sources: Sources, *, address: str | None = None, limits: Limits | None = None
    ) -> None:
        self._site = site
        self._engine = Engine(EngineSocket(address or DEFAULT_ADDRESS))
        self._limits = limits or Limits()
        self._rooms = Rooms(site, sources, self)
        self._reached = False
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
        except EngineUnavailable as error:
            return Probe(usable=False, reason=error.message)
        name = (version.get("Platform") or {}).get("Name") or "Docker"
        return Probe(usable=True, engine=f"{name} {version.get('Version', '')}".strip())

    def open(self, key: AttemptKey, order: JobOrder) -> AbstractAsyncContextManager[Room]:
        return self._rooms.open(key, order)

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        return await self._rooms.sweep(keep)

    async def prepare(self, key: AttemptKey, order: JobOrder) -> Surroundings:
        if order.image is None:
            raise BadInput("a job in a container needs an image", field="image")
        facts = await images.ensure(self._engine, order.image)
        await self._reach(order.image)
        program = supervisor.for_containers(facts.architecture)
        name = container.name(self._site, key)
        spec = container.spec(self._site, key, order.image, program, self._limits)
        if not await self._engine.create(name, spec):
            await self._engine.remove(name)
            await self._engine.create(name, spec)
        return Surroundings(
            workspace=container.WORKSPACE,
            scripts=container.SCRIPTS,
            user=facts.user,
            env=facts.env,
            grace=self._site.grace,
        )

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
            return Ending(cause=Cause.OOM, reason="the job's container ran out of memory")
        error = f": {state.error}" if state.error else ""
        return Ending(
            cause=Cause.LOST, reason=f"the job's container ended with code {state.exit_code}{error}"
        )

    async def evict(self, key: AttemptKey) -> None:
        await self._engine.remove(container.name(self._site, key))

    async def strays(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        async with self._reaching:
            await asyncio.to_thread(reach.clean, self._site)
            return await self._remove_labelled(keep)

    async def _remove_labelled(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        label = f"{container.INSTANCE_LABEL}={self._site.instance}"
        removed = []
        for found in await self._engine.labelled("containers", label):
            if container.attempt(found["Labels"]) not in keep:
                await self._engine.remove(found["Id"])
                removed.append(f"container {found['Names'][0].lstrip('/')}")
        for noun in ("networks", "volumes"):
            there = await self._engine.labelled(noun, label)
            runs = {str(key.run) for key in keep}
            for found in there:
                if found["Labels"].get("flowforge.run") not in runs:
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
