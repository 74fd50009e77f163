"""Runs jobs as plain processes of this machine, below the same supervisor as in a container."""

import os
import pwd
import stat
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import structlog

from flowforge.adapters.executors import lodging, supervisor
from flowforge.adapters.executors.brief_program import run_briefly
from flowforge.adapters.executors.machinery import Settle
from flowforge.adapters.executors.plan_file import Surroundings
from flowforge.adapters.executors.process.users import Users
from flowforge.adapters.executors.room import Ending
from flowforge.adapters.executors.room_folder import RoomFolder
from flowforge.adapters.executors.rooms import Rooms
from flowforge.adapters.executors.site import Site
from flowforge.errors import BadInput, EngineUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder
from flowforge.model.probe import Probe
from flowforge.model.resources import USUAL, Network
from flowforge.model.status import Cause
from flowforge.ports import Room, Sources

log = structlog.get_logger(__name__)

LAUNCH_DEADLINE = 10.0
# Seconds a probe is good for: what it looks at, nobody changes from one job to the next.
PROBED_FOR = 3.0
# As many as a container may have.
MOST_PROCESSES = 1024
NOBODY = 65534
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a step sees of our own environment, which holds the server's secrets.
INHERITED = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    name: str
    uid: int
    gid: int


class ProcessExecutor:
    """`user` is whom the steps run as when we are root; with `users` each job gets a number of its own from there, and a
    limit of processes. Use it in `async with`; `open` works outside of it too, but
    then waits until a left room is removed."""

    def __init__(
        self, site: Site, sources: Sources, *, user: str = "nobody", users: range | None = None
    ) -> None:
        self._site = site
        self._user = user
        self._users = Users(site.folder, users) if users and os.geteuid() == 0 else None
        self._rooms = Rooms(site, sources, self)
        self._mentioned = False
        self._usable_until = 0.0

    async def __aenter__(self) -> Self:
        await self._rooms.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._rooms.__aexit__(*error)

    async def probe(self) -> Probe:
        if time.monotonic() < self._usable_until:
            return Probe(usable=True, engine="process")
        try:
            supervisor.for_this_machine()
            await self._rooms.threads.run(self._account)
        except EngineUnavailable as error:
            return Probe(usable=False, engine="process", reason=error.message)
        self._usable_until = time.monotonic() + PROBED_FOR
        return Probe(usable=True, engine="process")

    def open(self, key: AttemptKey, order: JobOrder) -> AbstractAsyncContextManager[Room]:
        if (order.image is not None or order.resources != USUAL) and not self._mentioned:
            self._mentioned = True
            log.warning(
                "the process executor runs jobs without a container: image and resources are ignored",
                image=order.image,
            )
        return self._rooms.open(key, order)

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        return await self._rooms.sweep(keep)

    async def move_in(
        self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]
    ) -> Surroundings | None:
        """A process starts in no time."""
        del key, order, secrets
        return None

    async def prepare(self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]) -> Surroundings:
        del secrets
        _refuse_what_needs_a_container(order)
        aside = lodging.aside(self._site, key)
        home = aside / lodging.HOME
        account = await self._rooms.threads.run(self._housed, key, home)
        env = {"PATH": DEFAULT_PATH, **{name: os.environ[name] for name in INHERITED if name in os.environ}}
        return Surroundings(
            workspace=str(self._site.workspace(key)),
            scripts=str(aside / lodging.SCRIPTS),
            user=f"{account.uid}:{account.gid}" if account else None,
            processes=MOST_PROCESSES if self._users else None,
            env={**env, "HOME": str(home)},
            grace=self._site.grace,
        )

    async def start(self, key: AttemptKey, folder: RoomFolder, settle: Settle) -> None:
        """Returns once the supervisor holds its lock, or another one that an earlier life of ours started does."""

        def launch() -> None:
            settle()
            _launch(self._site.control(key), folder)

        await self._rooms.threads.run(launch)

    async def autopsy(self, key: AttemptKey) -> Ending | None:
        del key
        return Ending(cause=Cause.LOST, reason="the job's supervisor on this machine was killed")

    async def evict(self, key: AttemptKey) -> None:
        """A process leaves nothing but files."""
        if self._users:
            self._users.give_back(key)

    async def strays(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        if self._users:
            await self._rooms.threads.run(self._users.sweep, keep)
        return ()

    def _housed(self, key: AttemptKey, home: Path) -> Person | None:
        person = self._person(key)
        _make_home(home, person)
        return person

    def _person(self, key: AttemptKey) -> Person | None:
        """Blocking: call from a worker thread."""
        if self._users is None:
            return self._account()
        number = self._users.take(key)
        return Person(name=str(number), uid=number, gid=number)

    def _account(self) -> Person | None:
        """Blocking: call from a worker thread. Whom any job may be, and who stands for all of them."""
        if os.geteuid() != 0:
            return None
        account = self._named()
        closed = (
            folder for folder in self._site.workspaces.absolute().parents if not _may_pass(account, folder)
        )
        folder = next(closed, None)
        if folder and not passage_can_be_opened():
            raise EngineUnavailable(
                f"steps run as the user {account.name}, who may not pass {folder}: set FLOWFORGE_WORKSPACE_ROOT "
                "to a folder that everybody may reach"
            )
        return account

    def _named(self) -> Person:
        if self._users is not None:
            return Person(name="of a number of their own", uid=NOBODY, gid=NOBODY)
        try:
            known = pwd.getpwnam(self._user)
        except KeyError:
            sentence = f"steps should run as the user {self._user}, whom this machine lacks"
            raise EngineUnavailable(sentence) from None
        return Person(name=self._user, uid=known.pw_uid, gid=known.pw_gid)


def _refuse_what_needs_a_container(order: JobOrder) -> None:
    """What a job without one would silently miss; its image and limits it can do without."""
    wanted = {
        "services": order.services,
        "a grant": order.grant,
        "no network": order.network is Network.NONE,
    }
    if missed := [words for words, said in wanted.items() if said]:
        raise BadInput(
            f"the job asks for {' and '.join(missed)}, which only a container engine can give: the process executor runs "
            "jobs without containers",
            field="executor",
        )


@cache
def passage_can_be_opened() -> bool:
    """Whether this machine lets the supervisor lead a step's user past a closed folder (passage.c)."""
    command = [str(supervisor.for_this_machine()), "passage"]
    return subprocess.run(command, check=False, capture_output=True, timeout=LAUNCH_DEADLINE).returncode == 0


def _may_pass(account: Person, folder: Path) -> bool:
    if not folder.exists():
        return True
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _launch(control: Path, folder: RoomFolder) -> None:
    """Blocking."""
    command = [str(supervisor.for_this_machine()), "detach", str(control)]
    try:
        code, said = run_briefly(command, LAUNCH_DEADLINE)
    except subprocess.TimeoutExpired as late:
        raise EngineUnavailable(f"the job's supervisor does not start: {late}") from late
    if code and not folder.begun():
        raise EngineUnavailable(f"the job's supervisor does not start: {said}")
    folder.remove("plan")


def _make_home(home: Path, account: Person | None) -> None:
    home.parent.mkdir(mode=0o711, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(home, account.uid, account.gid)
