"""The life of a room from its first name to its last trace, the same for containers and plain processes."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from typing import Protocol, Self

import structlog

from flowforge.adapters.executors import lodging
from flowforge.adapters.executors.departures import Departures
from flowforge.adapters.executors.folder_watch import FolderWatch
from flowforge.adapters.executors.plan_file import Surroundings, plan_file
from flowforge.adapters.executors.room import Ending, Place, SupervisedRoom
from flowforge.adapters.executors.room_folder import RoomFolder
from flowforge.adapters.executors.site import Site
from flowforge.adapters.executors.threads import Threads
from flowforge.errors import FlowForgeError
from flowforge.model.attempt import AttemptKey
from flowforge.model.job_spec import Clone
from flowforge.model.order import JobOrder
from flowforge.ports import Room, Sources

log = structlog.get_logger(__name__)


class Machinery(Protocol):
    """What containers and plain processes do differently. Everything is named by the attempt."""

    async def prepare(self, key: AttemptKey, order: JobOrder) -> Surroundings:
        """Make all that the job needs but do not begin it. What an earlier life left under this name is replaced."""
        ...

    async def start(self, key: AttemptKey, folder: RoomFolder) -> None:
        """Let the supervisor begin."""
        ...

    async def autopsy(self, key: AttemptKey) -> Ending | None:
        """The supervisor's lock is free: what became of it, or None where it lives after all."""
        ...

    async def evict(self, key: AttemptKey) -> None:
        """Remove what `prepare` made, running or not, but for the room's folders. Nothing there is no error."""
        ...

    async def strays(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        """Remove this instance's things of attempts that are not to be kept and have no folder; names them. `keep` may
        grow meanwhile: it is asked about each thing after that was seen."""
        ...


class _Kept(Collection[AttemptKey]):
    """What is not to be swept, as it stands at each moment: rooms are opened while a sweep goes on."""

    def __init__(self, *groups: Collection[AttemptKey]) -> None:
        self._groups = groups

    def __contains__(self, key: object) -> bool:
        return any(key in group for group in self._groups)

    def __iter__(self) -> Iterator[AttemptKey]:
        return chain.from_iterable(self._groups)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Rooms:
    def __init__(self, site: Site, sources: Sources, machinery: Machinery) -> None:
        self._site = site
        self._sources = sources
        self._machinery = machinery
        self._watch = FolderWatch()
        self._departures = Departures()
        self._open: set[AttemptKey] = set()
        self._leaving: dict[AttemptKey, asyncio.Event] = {}
        self.threads = Threads()

    async def __aenter__(self) -> Self:
        await self._departures.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._departures.__aexit__()
        self.threads.close()

    @asynccontextmanager
    async def open(self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]) -> AsyncIterator[Room]:
        if key in self._leaving:
            await self._leaving[key].wait()
        # Before anything of it exists: a sweep may be under way.
        self._open.add(key)
        try:
            async with self._opened(key, order, secrets) as room:
                yield room
        finally:
            self._open.discard(key)

    @asynccontextmanager
    async def _opened(
        self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]
    ) -> AsyncIterator[Room]:
        folder = await self.threads.run(lodging.make, self._site, key)
        try:
            with self._watch.watch(folder.path) as changes:
                if not folder.begun():
                    await self._begin(key, order, secrets, folder)
                place = Place(order=order, folder=folder, workspace=self._site.workspace(key))
                autopsy = partial(self._machinery.autopsy, key)
                yield SupervisedRoom(
                    place, sources=self._sources, changes=changes, threads=self.threads, autopsy=autopsy
                )
        except (asyncio.CancelledError, GeneratorExit):
            folder.close()
            raise
        except BaseException:
            await self._leave(key, folder)
            raise
        await self._leave(key, folder)

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        removed = []
        kept = _Kept(keep, self._open, self._leaving)
        for key in await self.threads.run(lodging.unowned, self._site, keep):
            if key not in kept:
                folder = await self.threads.run(RoomFolder, self._site.control(key))
                await self._remove(key, folder, 0)
                removed.append(f"room {key}")
        return (*removed, *await self._machinery.strays(kept))

    async def _begin(
        self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str], folder: RoomFolder
    ) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                preparing = group.create_task(self._machinery.prepare(key, order))
                if order.clone is Clone.BEFORE_STEPS and order.source is not None:
                    group.create_task(self._sources.place(order.source, self._site.workspace(key)))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        plan = plan_file(order, secrets, preparing.result())
        await self.threads.run(folder.write, "plan", plan)
        await self._machinery.start(key, folder)

    async def _leave(self, key: AttemptKey, folder: RoomFolder) -> None:
        self._leaving[key] = asyncio.Event()
        await self._departures.add(self._remove(key, folder, self._site.grace))

    async def _remove(self, key: AttemptKey, folder: RoomFolder, grace: float) -> None:
        try:
            with self._watch.watch(folder.path) as changes:
                await lodging.end(folder, changes, grace)
            await self._machinery.evict(key)
            await self.threads.run(lodging.remove, self._site, key)
        except (FlowForgeError, OSError, subprocess.SubprocessError) as error:
            log.warning("room not removed, left to the next sweep", attempt=str(key), error=str(error))
        finally:
            folder.close()
            if key in self._leaving:
                self._leaving.pop(key).set()
