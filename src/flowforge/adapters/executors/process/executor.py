"""Runs jobs as plain processes of this machine, below the same supervisor as in a container."""

import asyncio
import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from pathlib import Path
from typing import Self

import structlog

from flowforge.adapters.executors import lodging, supervisor
from flowforge.adapters.executors.plan_file import Surroundings
from flowforge.adapters.executors.room import Ending
from flowforge.adapters.executors.room_folder import RoomFolder
from flowforge.adapters.executors.rooms import Rooms
from flowforge.adapters.executors.site import Site
from flowforge.errors import EngineUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder
from flowforge.model.probe import Probe
from flowforge.model.status import Cause
from flowforge.ports import Room, Sources

log = structlog.get_logger(__name__)

LAUNCH_DEADLINE = 10.0
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a step sees of our own environment, which holds the server's secrets.
INHERITED = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


class ProcessExecutor:
    """`user` is whom the steps run as when we are root. Use it in `async with`; `open` works outside of it too, but
    then waits until a left room is removed."""

    def __init__(self, site: Site, sources: Sources, *, user: str = "nobody") -> None:
        self._site = site
        self._user = user
        self._rooms = Rooms(site, sources, self)
        self._mentioned = False

    async def __aenter__(self) -> Self:
        await self._rooms.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._rooms.__aexit__(*error)

    async def probe(self) -> Probe:
        try:
            supervisor.for_this_machine()
            await self._rooms.threads.run(self._account)
        except EngineUnavailable as error:
            return Probe(usable=False, engine="process", reason=error.message)
        return Probe(usable=True, engine="process")

    def open(self, key: AttemptKey, order: JobOrder) -> AbstractAsyncContextManager[Room]:
        if order.image is not None and not self._mentioned:
            self._mentioned = True
            log.warning(
                "the process executor runs jobs without a container: `image` is ignored", image=order.image
            )
        return self._rooms.open(key, order)

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        return await self._rooms.sweep(keep)

    async def prepare(self, key: AttemptKey, order: JobOrder) -> Surroundings:
        del order
        account = await self._rooms.threads.run(self._account)
        aside = lodging.aside(self._site, key)
        home = aside / "home"
        await self._rooms.threads.run(_make_home, home, account)
        env = {"PATH": DEFAULT_PATH, **{name: os.environ[name] for name in INHERITED if name in os.environ}}
        return Surroundings(
            workspace=str(self._site.workspace(key)),
            scripts=str(aside / "scripts"),
            user=f"{account.pw_uid}:{account.pw_gid}" if account else None,
            env={**env, "HOME": str(home)},
            grace=self._site.grace,
        )

    async def start(self, key: AttemptKey, folder: RoomFolder) -> None:
        """Returns once the supervisor holds its lock, or another one that an earlier life of ours started does."""
        program = supervisor.for_this_machine()
        # Into a file: a pipe of uvloop's stays open in what the program leaves running, so its end would never come.
        with tempfile.TemporaryFile() as complaint:
            process = await asyncio.create_subprocess_exec(
                program, "detach", self._site.control(key), cwd="/", env={},
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=complaint,
            )  # fmt: skip
            async with asyncio.timeout(LAUNCH_DEADLINE):
                await process.wait()
            complaint.seek(0)
            said = complaint.read().decode(errors="replace")
        if process.returncode and not folder.begun():
            raise EngineUnavailable(f"the job's supervisor does not start: {said}")
        folder.remove("plan")

    async def autopsy(self, key: AttemptKey) -> Ending | None:
        del key
        return Ending(cause=Cause.LOST, reason="the job's supervisor on this machine was killed")

    async def evict(self, key: AttemptKey) -> None:
        """A process leaves nothing but files."""
        del key

    async def strays(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        del keep
        return ()

    def _account(self) -> pwd.struct_passwd | None:
        """Blocking: call from a worker thread."""
        if os.geteuid() != 0:
            return None
        try:
            account = pwd.getpwnam(self._user)
        except KeyError:
            sentence = f"steps should run as the user {self._user}, whom this machine lacks"
            raise EngineUnavailable(sentence) from None
        closed = (
            folder for folder in self._site.workspaces.absolute().parents if not _may_pass(account, folder)
        )
        folder = next(closed, None)
        if folder and not passage_can_be_opened():
            raise EngineUnavailable(
                f"steps run as the user {self._user}, who may not pass {folder}: set FLOWFORGE_WORKSPACE_ROOT "
                "to a folder that everybody may reach"
            )
        return account


@cache
def passage_can_be_opened() -> bool:
    """Whether this machine lets the supervisor lead a step's user past a closed folder (passage.c)."""
    command = [str(supervisor.for_this_machine()), "passage"]
    return subprocess.run(command, check=False, capture_output=True, timeout=LAUNCH_DEADLINE).returncode == 0


def _may_pass(account: pwd.struct_passwd, folder: Path) -> bool:
    if not folder.exists():
        return True
    status = folder.stat()
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.pw_gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _make_home(home: Path, account: pwd.struct_passwd | None) -> None:
    home.parent.mkdir(mode=0o711, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(home, account.pw_uid, account.pw_gid)
