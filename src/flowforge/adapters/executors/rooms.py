"""The life of a room from its first name to its last trace, the same for containers and plain processes."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import structlog

from flowforge.adapters.executors import lodging
from flowforge.adapters.executors.departures import Departures
from flowforge.adapters.executors.entrance import Entrance, House
from flowforge.adapters.executors.folder_watch import FolderWatch
from flowforge.adapters.executors.machinery import Machinery
from flowforge.adapters.executors.room_folder import RoomFolder, Tampered
from flowforge.adapters.executors.site import Site
from flowforge.adapters.executors.threads import Threads
from flowforge.errors import FlowForgeError
from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder
from flowforge.ports import Room, Sources

log = structlog.get_logger(__name__)


class Rooms:
    def __init__(self, site: Site, sources: Sources, machinery: Machinery) -> None:
        self._site = site
        self._machinery = machinery
        self._watch = FolderWatch()
        self._departures = Departures()
        self._open: set[AttemptKey] = set()
        self._leaving: dict[AttemptKey, asyncio.Event] = {}
        self._sweeping = asyncio.Lock()
        self.threads = Threads()
        self._house = House(
            site=site, sources=sources, machinery=machinery, watch=self._watch, threads=self.threads
        )

    async def __aenter__(self) -> Self:
        self._watch.__enter__()
        await self._departures.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._departures.__aexit__()
        self._watch.__exit__()
        self.threads.close()

    @asynccontextmanager
    async def open(self, key: AttemptKey, order: JobOrder) -> AsyncIterator[Room]:
        self._open.add(key)
        entrance = Entrance(key, order, self._house, partial(self._vacated, key))
        try:
            yield entrance
        except (asyncio.CancelledError, GeneratorExit):
            entrance.close()
            self._open.discard(key)
            raise
        except BaseException:
            await self._leave(key, entrance)
            raise
        await self._leave(key, entrance)

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        kept = _Kept(keep, self._open, self._leaving)
        removed = []
        async with self._sweeping:
            for key in await self.threads.run(lodging.unowned, self._site, kept):
                if key not in kept:
                    self._leaving[key] = asyncio.Event()
                    await self._remove(key, 0)
                    removed.append(f"room {key}")
            return (*removed, *await self._machinery.strays(kept))

    async def _vacated(self, key: AttemptKey) -> None:
        while key in self._leaving:
            await self._leaving[key].wait()

    async def _leave(self, key: AttemptKey, entrance: Entrance) -> None:
        entrance.close()
        self._open.discard(key)
        if entrance.made:
            self._leaving[key] = asyncio.Event()
            await self._departures.add(self._remove(key, self._site.grace))

    async def _remove(self, key: AttemptKey, grace: float) -> None:
        """What is in `_leaving`."""
        try:
            await self._end(key, grace)
            await self._machinery.evict(key)
            await self.threads.run(lodging.remove, self._site, key)
        except (FlowForgeError, OSError, subprocess.SubprocessError) as error:
            log.warning("room not removed, left to the next sweep", attempt=str(key), error=str(error))
        finally:
            self._leaving.pop(key).set()

    async def _end(self, key: AttemptKey, grace: float) -> None:
        """A job that is root in its container may be in the way of an ending in order; its container is not."""
        try:
            folder = RoomFolder(self._site.control(key))
        except FileNotFoundError:
            return
        try:
            if not folder.alive():
                return
            with self._watch.watch(folder.path) as changes:
                await lodging.end(folder, changes, grace)
        except (Tampered, OSError) as error:
            log.warning("the job cannot be ended in order", attempt=str(key), error=str(error))
        finally:
            folder.close()


class _Kept(Collection[AttemptKey]):
    """A union that grows and shrinks with its parts: what is opened during a sweep is kept, too."""

    def __init__(self, *parts: Collection[AttemptKey]) -> None:
        self._parts = parts

    def __contains__(self, key: object) -> bool:
        return any(key in part for part in self._parts)

    def __iter__(self) -> Iterator[AttemptKey]:
        return iter({key for part in self._parts for key in part})

    def __len__(self) -> int:
        return len(set(self))
