"""Makes and removes the containers that wait for jobs."""

import asyncio
import secrets
from collections.abc import Iterable

import structlog

from flowforge.adapters.executors.docker import slot
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.slot import Recipe, Slot
from flowforge.adapters.executors.site import Site
from flowforge.adapters.executors.threads import Threads
from flowforge.errors import EngineUnavailable, FlowForgeError

log = structlog.get_logger(__name__)

READY_DEADLINE = 15.0
READY_LOOK = 0.005


class SlotMaker:
    """`own` has the ids of the slots that no job has taken; each is there before anything bears its name."""

    def __init__(self, site: Site, engine: Engine, threads: Threads) -> None:
        self.own: set[str] = set()
        self._site = site
        self._engine = engine
        self._threads = threads

    async def make(self, recipe: Recipe) -> Slot:
        """Answers one that waits. Raises `EngineUnavailable`; nothing is left then."""
        id_ = secrets.token_hex(8)
        name = slot.name(self._site, id_)
        self.own.add(id_)
        try:
            await self._threads.run(slot.make_folders, self._site, id_)
            await self._engine.create(name, slot.waiting(self._site, id_, recipe.spec))
            await self._engine.start(name)
            await self._until_it_waits(id_)
            state = await self._engine.state(name)
        except BaseException:
            await self._remove(id_, name)
            raise
        born = asyncio.get_running_loop().time()
        return Slot(id=id_, container=state.id if state else name, recipe=recipe, born=born)

    async def discard(self, *slots: Slot) -> None:
        """One after the other. What cannot be removed is left to the next sweep."""
        for found in slots:
            try:
                await self._remove(found.id, found.container)
            except (FlowForgeError, OSError) as error:
                log.info("a container that waited is left to the next sweep", slot=found.id, error=str(error))

    async def sweep(self, taken: Iterable[str]) -> list[str]:
        """Remove the folders of slots that are nobody's, whose containers are gone; names them."""
        removed = []
        for found in await self._threads.run(slot.stray_folders, self._site, frozenset(taken)):
            if found not in self.own:
                await self._threads.run(slot.remove_folders, self._site, found)
                removed.append(f"slot {found}")
        return removed

    async def _until_it_waits(self, slot_id: str) -> None:
        try:
            async with asyncio.timeout(READY_DEADLINE):
                while not await self._threads.run(slot.waits, self._site, slot_id):  # noqa: ASYNC110 - a lock is silent
                    await asyncio.sleep(READY_LOOK)
        except TimeoutError:
            raise EngineUnavailable(
                "a container that was started beforehand does not wait for a job"
            ) from None

    async def _remove(self, slot_id: str, name: str) -> None:
        await self._engine.remove(name)
        await self._threads.run(slot.remove_folders, self._site, slot_id)
        self.own.discard(slot_id)
