"""Containers that are started before there is a job for them. Each serves one job and is never used again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Self

import structlog

from flowforge.adapters.executors.docker import container, free_memory, slot
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.slot import Recipe, Slot
from flowforge.adapters.executors.docker.slot_maker import SlotMaker
from flowforge.adapters.executors.site import Site
from flowforge.adapters.executors.threads import Threads
from flowforge.errors import EngineUnavailable, FlowForgeError
from flowforge.model.attempt import AttemptKey

log = structlog.get_logger(__name__)

# An engine starts some four containers a second and has both hands full with one: jobs come first.
QUIET = 1.0
OLDEST = 1800.0
LOOK_EVERY = 30.0
AFTER_FAILURE = 15.0
EMPTY_DEADLINE = 15.0
EMPTIED_AT_ONCE = 3
# A used container does nothing any more; its supervisor goes by itself behind this.
LONGEST_LINGER = 10.0
# Most jobs are over sooner, and what is gone needs no name.
NAMED_AFTER = 1.0

AUTOMATIC_EACH = 2
AUTOMATIC_IMAGES = 3
RECENT = 1800.0

Recipes = Callable[[str], Awaitable[Recipe]]


class WarmPool:
    """`sizes` says how many containers of which image wait; None keeps a few of the images used lately. `recipes` tells
    what a job of an image with nothing special in its order gets. Fills itself within `async with`, empties itself at its
    end."""

    def __init__(
        self, site: Site, engine: Engine, threads: Threads, recipes: Recipes, sizes: Mapping[str, int] | None
    ) -> None:
        self._site = site
        self._engine = engine
        self._threads = threads
        self._recipes = recipes
        self._sizes = sizes
        self._maker = SlotMaker(site, engine, threads)
        self._idle: dict[str, list[Slot]] = {}
        self._used: dict[str, float] = {}
        self._disturbed = float("-inf")
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._closing = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        if self._sizes is None or self._sizes:
            self._keeper = self._group.create_task(self._keep())
        return self

    async def __aexit__(self, *error: object) -> None:
        """What cannot be removed in time is left to the next start's sweep."""
        group, self._group = self._group, None
        self._wake.set()
        self._closing.set()
        if self._keeper is not None:
            await self._dismiss(self._keeper)
        if group is not None:
            await group.__aexit__(None, None, None)
        idle = [found for slots in self._idle.values() for found in slots]
        self._idle.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(EMPTY_DEADLINE), asyncio.TaskGroup() as tasks:
                for at in range(EMPTIED_AT_ONCE):
                    tasks.create_task(_survived(self._maker.discard(*idle[at::EMPTIED_AT_ONCE])))

    async def _dismiss(self, keeper: asyncio.Task[None]) -> None:
        """Not while it makes one: an engine goes on with what it was asked, and nobody would know what came of it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EMPTY_DEADLINE):
                await self._turn.acquire()
                self._turn.release()
        keeper.cancel()

    def disturb(self, image: str | None = None) -> None:
        """A job comes or goes: what the pool has to do can wait. `image` is the one that is used."""
        self._disturbed = asyncio.get_running_loop().time()
        if image is not None:
            self._used[image] = self._disturbed
        self._wake.set()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._idle.values()))

    @asynccontextmanager
    async def calm(self, key: AttemptKey) -> AsyncIterator[None]:
        """For taking down what the attempt used: when no job comes or goes, one at a time, and at once where its job
        still runs or we are about to go."""
        if self._group is None or not slot.lingers(self._site, key):
            yield
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_LINGER):
                await self._quiet()
        if self._group is None:
            yield
            return
        async with self._turn:
            yield

    def stocks(self, image: str) -> bool:
        return bool(self._idle.get(image))

    async def take(self, key: AttemptKey, image: str, wanted: Recipe) -> bool:
        """Give the attempt, whose folders exist and are empty, a container just as wanted; False where none is."""
        for found in self._fitting(image, wanted):
            try:
                taken = await self._threads.run(slot.hand_over, self._site, key, found)
            finally:
                self._maker.own.discard(found.id)
            if taken:
                self._behind(self._name_after(key, found.container))
                return True
            self._behind(self._maker.discard(found))
        return False

    async def take_back(self, key: AttemptKey) -> None:
        """What an earlier life gave this attempt, which was never begun; it may be at any point of its way."""
        found = slot.taken(self._site, key)
        if found is not None:
            await self._engine.remove(found[1])
            await self._threads.run(slot.remove_folders, self._site, found[0])
            await self._threads.run(slot.forget, self._site, key)

    async def remove(self, key: AttemptKey) -> bool:
        """The container that it took; False where it took none."""
        found = slot.taken(self._site, key)
        if found is not None:
            await self._engine.remove(found[1])
        return found is not None

    def name(self, key: AttemptKey) -> str:
        """By which the engine knows the attempt's container, whether it was here before the attempt or not."""
        found = slot.taken(self._site, key)
        return found[1] if found else container.name(self._site, key)

    def keeps(self, labels: Mapping[str, str], keep: Collection[AttemptKey]) -> bool | None:
        """Whether a container with these labels waits, or serves one of the attempts; None for one that is no slot."""
        if slot.SLOT_LABEL not in labels:
            return None
        known = labels[slot.SLOT_LABEL]
        return known in self._maker.own or known in slot.all_taken(self._site, keep)

    async def sweep(self, keep: Collection[AttemptKey]) -> list[str]:
        return await self._maker.sweep(slot.all_taken(self._site, keep))

    def _fitting(self, image: str, wanted: Recipe) -> Iterator[Slot]:
        """The oldest first, out of the pool."""
        likeness = wanted.likeness
        for found in list(self._idle.get(image, ())):
            if found in self._idle[image] and found.recipe.likeness == likeness:
                self._idle[image].remove(found)
                yield found

    async def _name_after(self, key: AttemptKey, container_id: str) -> None:
        """For people and their tools. Who adopts the attempt goes by its record."""
        with suppress(TimeoutError):
            async with asyncio.timeout(NAMED_AFTER):
                await self._closing.wait()
        if slot.taken(self._site, key) is None:
            return
        try:
            await self._engine.rename(container_id, container.name(self._site, key))
        except EngineUnavailable as error:
            log.info("a job's container keeps its slot's name", attempt=str(key), error=error.message)

    def _behind(self, work: Coroutine[None, None, None]) -> None:
        if self._group is None:
            work.close()
        else:
            self._group.create_task(_survived(work))

    async def _keep(self) -> None:
        """Whatever an engine answers: what breaks here would take the jobs down that run beside."""
        while True:
            try:
                await self._tend()
            except (FlowForgeError, OSError) as error:
                log.warning("no container can be started beforehand", error=str(error))
                await asyncio.sleep(AFTER_FAILURE)
            except Exception:
                log.exception("making containers beforehand broke and begins anew")
                await asyncio.sleep(AFTER_FAILURE)
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wake.wait()

    async def _tend(self) -> None:
        """Until every wanted container waits, and nothing else does."""
        wanted = self._wanted()
        for image in self._idle.keys() - wanted.keys():
            await self._maker.discard(*self._idle.pop(image))
        for image, size in wanted.items():
            await self._quiet()
            recipe = await self._recipes(image)
            await self._drop_stale(image, recipe)
            while len(self._idle.get(image, ())) < size and free_memory.enough():
                await self._quiet()
                async with self._turn:
                    made = await self._maker.make(recipe)
                self._idle.setdefault(image, []).append(made)

    def _wanted(self) -> Mapping[str, int]:
        if self._sizes is not None:
            return self._sizes
        since = asyncio.get_running_loop().time() - RECENT
        recent = sorted(((at, image) for image, at in self._used.items() if at >= since), reverse=True)
        return {image: AUTOMATIC_EACH for _, image in recent[:AUTOMATIC_IMAGES]}

    async def _quiet(self) -> None:
        loop = asyncio.get_running_loop()
        while self._group is not None and loop.time() < (until := self._disturbed + QUIET):
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._wake.wait()

    async def _drop_stale(self, image: str, recipe: Recipe) -> None:
        oldest = asyncio.get_running_loop().time() - OLDEST
        idle = self._idle.get(image, [])
        stale = [found for found in idle if found.born < oldest or found.recipe.likeness != recipe.likeness]
        self._idle[image] = [found for found in idle if found not in stale]
        await self._maker.discard(*stale)


async def _survived(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("tidying up behind a job broke, what it left is for the next sweep")
