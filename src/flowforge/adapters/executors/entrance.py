"""The way into a room: its first watcher makes it, later ones take it up again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from flowforge.adapters.executors import lodging
from flowforge.adapters.executors.folder_watch import FolderWatch
from flowforge.adapters.executors.machinery import Machinery, Settle
from flowforge.adapters.executors.plan_file import Surroundings, plan_file
from flowforge.adapters.executors.room import Place, SupervisedRoom
from flowforge.adapters.executors.room_folder import RoomFolder
from flowforge.adapters.executors.site import Site
from flowforge.adapters.executors.threads import Threads
from flowforge.errors import Bug, Conflict, FlowForgeError, RoomGone
from flowforge.model.attempt import AttemptKey
from flowforge.model.exit import Exit
from flowforge.model.job_spec import Clone
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.status import Cause, Status
from flowforge.ports import Sink, Sources
from flowforge.tasks import plainly


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all rooms of an executor share."""

    site: Site
    sources: Sources
    machinery: Machinery
    watch: FolderWatch
    threads: Threads


class Entrance:
    """Implements `Room`. `vacated` waits until an earlier room of the same name is gone; `made` tells whether anything
    may bear the name that is ours to remove."""

    def __init__(
        self, key: AttemptKey, order: JobOrder, house: House, vacated: Callable[[], Awaitable[None]]
    ) -> None:
        self.made = False
        self._key = key
        self._order = order
        self._house = house
        self._vacated = vacated
        self._held = ExitStack()
        self._room: SupervisedRoom | None = None
        self._making: asyncio.Timeout | None = None
        self._stop_reason: str | None = None
        self._told = False
        self._left = False

    async def begin(self, secrets: Mapping[str, str]) -> None:
        made = None
        try:
            async with asyncio.timeout(None) as self._making:
                if self._stop_reason is None:
                    made = await self._make(secrets)
        except (TimeoutError, FlowForgeError, OSError):
            if self._stop_reason is None:
                raise
        finally:
            self._making = None
        if made is not None and self._stop_reason is None:
            folder, settle = made
            self._room = self._adopted(folder)
            await self._house.machinery.start(self._key, folder, settle)

    async def resume(self) -> Mapping[str, str]:
        await self._vacated()
        self.made = True
        secrets = await self._house.threads.run(lodging.kept_secrets, self._house.site, self._key)
        if secrets is None:
            raise RoomGone(f"this machine lost the room of attempt {self._key}, by a restart perhaps")
        folder = self._opened()
        if not folder.begun() and not folder.has("plan"):
            raise RoomGone(f"the room of attempt {self._key} was never finished")
        self._room = self._adopted(folder)
        if not folder.begun():
            await self._house.machinery.start(self._key, folder, _nothing)
        if self._stop_reason is not None:
            await self._room.stop(self._stop_reason)
        return secrets

    async def run(self, step: StepOrder, sink: Sink, *, since: int = 0) -> Exit:
        if self._room is not None:
            return await self._room.run(step, sink, since=since)
        if self._stop_reason is None:
            raise Bug("a step was asked for before its room was begun")
        if self._told:
            return Exit(status=Status.SKIPPED)
        self._told = True
        return Exit(status=Status.CANCELLED, cause=Cause.CANCELLED, reason=self._stop_reason)

    async def stop(self, reason: str) -> None:
        if self._left:
            return
        if self._stop_reason is None:
            self._stop_reason = reason
            if self._making is not None:
                self._making.reschedule(asyncio.get_running_loop().time())
        if self._room is not None:
            await self._room.stop(reason)

    def close(self) -> None:
        """The room goes on, or is removed by its name."""
        self._left = True
        self._held.close()

    async def _make(self, secrets: Mapping[str, str]) -> tuple[RoomFolder, Settle]:
        house, key = self._house, self._key
        await self._vacated()
        self.made = True
        try:
            await house.threads.run(lodging.make, house.site, key)
        except Conflict:
            self.made = False
            raise
        folder = self._opened()
        if folder.begun():
            raise Conflict(f"the room of attempt {key} was begun before")
        found = await house.machinery.move_in(key, self._order, secrets)
        plan = plan_file(self._order, secrets, await self._furnished(found, secrets))
        folder = self._opened() if found else folder

        def settle() -> None:
            lodging.keep_secrets(house.site, key, secrets)
            folder.write("plan", plan)

        return folder, settle

    @plainly
    async def _furnished(self, found: Surroundings | None, secrets: Mapping[str, str]) -> Surroundings:
        house, key, order = self._house, self._key, self._order
        async with asyncio.TaskGroup() as group:
            preparing = group.create_task(self._prepared(found, secrets))
            if order.clone is Clone.BEFORE_STEPS and order.source is not None:
                group.create_task(house.sources.place(order.source, house.site.workspace(key)))
        return preparing.result()

    async def _prepared(self, found: Surroundings | None, secrets: Mapping[str, str]) -> Surroundings:
        return found or await self._house.machinery.prepare(self._key, self._order, secrets)

    def _opened(self) -> RoomFolder:
        folder = RoomFolder(self._house.site.control(self._key))
        self._held.callback(folder.close)
        return folder

    def _adopted(self, folder: RoomFolder) -> SupervisedRoom:
        house, key = self._house, self._key
        return SupervisedRoom(
            Place(order=self._order, folder=folder, workspace=house.site.workspace(key)),
            sources=house.sources,
            changes=self._held.enter_context(house.watch.watch(folder.path)),
            threads=house.threads,
            autopsy=partial(house.machinery.autopsy, key),
        )


def _nothing() -> None:
    """It was settled by an earlier life."""
