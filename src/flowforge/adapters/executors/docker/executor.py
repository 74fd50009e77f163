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
from flowforge.adapters.executors.docker.registry_sign_in import credential, sign_ins
from flowforge.adapters.executors.docker.slot import Recipe
from flowforge.adapters.executors.docker.together import together
from flowforge.adapters.executors.docker.warm_pool import WarmPool
from flowforge.adapters.executors.machinery import Settle
from flowforge.adapters.executors.plan_file import Surroundings
from flowforge.adapters.executors.room import Ending
from flowforge.adapters.executors.room_folder import RoomFolder
from flowforge.adapters.executors.rooms import Rooms
from flowforge.adapters.executors.site import Site
from flowforge.errors import BadInput, EngineUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder
from flowforge.model.probe import Probe
from flowforge.model.sign_in import SignIn
from flowforge.model.status import Cause
from flowforge.ports import Room, Sources

log = structlog.get_logger(__name__)

# How long an engine may be away in the middle of a job: the job itself does not need it.
AWAY_DEADLINE = 60.0
AWAY_PAUSE = 0.5
GO = "go"
NO_POOL: Mapping[str, int] = {}
# Whose container a waiting one would be; likenesses do not depend on it.
NOBODY = AttemptKey(run=0, job=0, number=0)
ALIVE = ("created", "running", "paused", "restarting")


class DockerExecutor:
    """`address` is an engine's, as in DOCKER_HOST; None for the usual socket. Use it in `async with`; `open` works
    outside of it too, but then waits until a left room is removed. `pool` is the sizes of a `WarmPool`."""

    def __init__(
        self,
        site: Site,
        sources: Sources,
        *,
        address: str | None = None,
        policy: ContainerPolicy | None = None,
        pool: Mapping[str, int] | None = NO_POOL,
    ) -> None:
        self._site = site
        self._engine = Engine(EngineSocket(address or DEFAULT_ADDRESS))
        self._policy = policy or ContainerPolicy()
        self._company = Company(self._engine, site, self._policy)
        self._rooms = Rooms(site, sources, self)
        self._pool = WarmPool(site, self._engine, self._rooms.threads, self._recipe, pool)
        self._reached = False
        self._known_as = ""
        self._warned = False
        self._reaching = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._rooms.__aenter__()
        await self._pool.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        try:
            await self._pool.__aexit__(*error)
        finally:
            await self._rooms.__aexit__(*error)

    async def probe(self) -> Probe:
        """Once all is well, only whether the engine still answers: a runner asks before each job."""
        try:
            if self._known_as:
                await self._engine.ping()
                return Probe(usable=True, engine=self._known_as)
            version = await self._engine.version()
            image = await self._engine.some_image()
            if image is not None:
                await self._reach(image)
            await self._warn(version)
        except EngineUnavailable as error:
            self._known_as = ""
            return Probe(usable=False, reason=error.message)
        name = vetting.engine_name(version)
        self._known_as = name if self._reached else ""
        return Probe(usable=True, engine=name)

    async def _warn(self, version: Mapping[str, Any]) -> None:
        """Once, however often it is probed."""
        if not self._warned and self._policy.code is Code.ANYBODYS:
            for sentence in vetting.weaknesses(version, await self._engine.info()):
                log.warning(sentence, engine=self._engine.address)
            self._warned = True

    @property
    def waiting(self) -> int:
        """Containers that were started and have no job yet."""
        return self._pool.waiting

    def open(self, key: AttemptKey, order: JobOrder) -> AbstractAsyncContextManager[Room]:
        return self._rooms.open(key, order)

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        return await self._rooms.sweep(keep)

    async def move_in(
        self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]
    ) -> Surroundings | None:
        await self._pool.take_back(key)
        if order.image is None:
            return None
        self._pool.disturb(order.image)
        if order.services or not self._pool.stocks(order.image):
            return None
        guests = await self._guests(order, order.image, secrets)
        found = self._made(key, guests, self._company.usual_network(order))
        return self._surroundings(guests) if await self._pool.take(key, order.image, found) else None

    async def prepare(self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]) -> Surroundings:
        if order.image is None:
            raise BadInput("a job in a container needs an image", field="image")
        guests = await self._guests(order, order.image, secrets)
        await self._reach(order.image)
        name = container.name(self._site, key)
        spec = self._spec(key, guests, await self._company.gather(key, guests))
        if not await self._engine.create(name, spec):
            await self._engine.remove(name)
            await self._engine.create(name, spec)
        return self._surroundings(guests)

    async def _recipe(self, image: str) -> Recipe:
        """For a job that asks for nothing special."""
        order = JobOrder(key="", name="", steps=(), image=image)
        guests = await self._guests(order, image, {})
        await self._reach(image)
        return self._made(NOBODY, guests, self._company.usual_network(order))

    def _made(self, key: AttemptKey, guests: Guests, host: Mapping[str, Any]) -> Recipe:
        image = guests.order.image or ""
        return Recipe(image_id=guests.facts[image].id, spec=self._spec(key, guests, host))

    def _spec(self, key: AttemptKey, guests: Guests, host: Mapping[str, Any]) -> dict[str, Any]:
        make = guests.make(guests.order.image or "", self._engine.socket_path)
        return container.spec(self._site, key, replace(make, host=host))

    def _surroundings(self, guests: Guests) -> Surroundings:
        facts = guests.facts[guests.order.image or ""]
        return Surroundings(
            workspace=container.WORKSPACE,
            scripts=container.SCRIPTS,
            user=facts.user,
            env=facts.env,
            grace=self._site.grace,
            limits=guests.limits.resources,
        )

    async def _guests(self, order: JobOrder, image: str, secrets: Mapping[str, str]) -> Guests:
        limits = self._policy.limits.under(order.resources)
        if limits.cpus is not None:
            limits = replace(limits, cpus=min(limits.cpus, await self._engine.cpus()))
        facts = await self._facts(sign_ins(order, image), secrets)
        return Guests(
            order=order,
            facts=facts,
            limits=limits,
            granted=granted(order, self._policy.grants, facts),
        )

    async def _facts(
        self, wanted: Mapping[str, SignIn | None], secrets: Mapping[str, str]
    ) -> Mapping[str, ImageFacts]:
        found = await together(
            images.ensure(self._engine, reference, credential(reference, sign_in, secrets))
            for reference, sign_in in wanted.items()
        )
        return dict(zip(wanted, found, strict=True))

    async def start(self, key: AttemptKey, folder: RoomFolder, settle: Settle) -> None:
        def let_go() -> bool:
            settle()
            if waits := folder.alive():
                folder.write(GO, b"")
            return waits

        if not await self._rooms.threads.run(let_go):
            await self._engine.start(self._pool.name(key))

    async def autopsy(self, key: AttemptKey) -> Ending | None:
        state = await self._state(self._pool.name(key))
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
        async with self._pool.calm(key):
            if not await self._pool.remove(key):
                await self._company.dismiss(key)

    async def strays(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        async with self._reaching:
            await asyncio.to_thread(reach.clean, self._site)
            return await self._remove_labelled(keep)

    async def _remove_labelled(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        label = {container.INSTANCE_LABEL: self._site.instance}
        removed = []
        for found in await self._engine.labelled("containers", label):
            kept = self._pool.keeps(found["Labels"], keep)
            if not (container.attempt(found["Labels"]) in keep if kept is None else kept):
                await self._engine.remove(found["Id"])
                removed.append(f"container {found['Names'][0].lstrip('/')}")
        removed += await self._pool.sweep(keep)
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
