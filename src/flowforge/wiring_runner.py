"""Where a runner on a machine of its own is put together: the agent, an executor, and the link to its server."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import structlog
import uvloop

from flowforge.adapters.data.floor import Floor
from flowforge.adapters.data.folder import DataFolder
from flowforge.adapters.executors.site import Site
from flowforge.adapters.git.remote_sources import RemoteSources
from flowforge.adapters.link.address import checked_address, trust
from flowforge.adapters.link.http import HttpLink, register
from flowforge.adapters.link.wire import Wire
from flowforge.adapters.spool.folder import FolderSpool
from flowforge.errors import (
    BadInput,
    Conflict,
    FlowForgeError,
    Forbidden,
    ProtocolRefused,
    Unauthenticated,
    Upstream,
)
from flowforge.logging import configure_logging
from flowforge.model.link_call import Offer, Standing
from flowforge.ports import Executor, Sources
from flowforge.runner.agent import Agent
from flowforge.runner.patient import PatientLink
from flowforge.runner.rhythm import Rhythm
from flowforge.settings import Settings
from flowforge.tasks import apart
from flowforge.wiring_local import lasting_executor

log = structlog.get_logger()

PAUSE_AFTER_BREAKING = 1.0
GREET_AGAIN = 5.0
GRACE = 10.0
"""Seconds between TERM and KILL."""
SHORTEST_GRACE = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line asked for; empty and 0 for what it did not say. `token` registers a runner that is none yet."""

    url: str = ""
    token: str = ""
    slots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a runner knows of its server between its lives. The key is in it, so the file is its owner's alone."""

    url: str
    key: str
    name: str
    slots: int
    lease_seconds: float
    others: bool = False

    @classmethod
    def of(cls, url: str, key: str, standing: Standing) -> "Kept":
        return cls(
            url=url,
            key=key,
            name=standing.name,
            slots=standing.slots,
            lease_seconds=standing.lease_seconds,
            others=standing.others,
        )


def enrol(settings: Settings, wish: Wish) -> str:
    """Exchange the token for a key, kept in the runner's folder. Answers the name that the server knows the runner by."""
    data = _prepared(settings)
    with _alone(data):
        return uvloop.run(_enrol(settings, data, wish)).name


def work(settings: Settings, wish: Wish, say: Say) -> None:
    """Carry out jobs until told to stop. Raises for what keeps the runner from working, KeyboardInterrupt when it was told
    twice."""
    data = _prepared(settings)
    release = configure_logging(level=settings.log_level, console=settings.log_format, folder=data.path)
    # Of each request it writes the whole URL, and some are capabilities.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        with _alone(data):
            if uvloop.run(_work(settings, data, wish, say)):
                raise KeyboardInterrupt
    finally:
        release()


def _prepared(settings: Settings) -> DataFolder:
    data = DataFolder(settings.runner_data)
    data.prepare()
    return data


@contextmanager
def _alone(data: DataFolder) -> Iterator[None]:
    """One runner a folder: two would take each other's rooms for their own."""
    with data.locked("runner.lock") as mine:
        if not mine:
            raise Conflict(
                f"another runner is at work in {data.path}: give this one a FLOWFORGE_RUNNER_DATA of its own"
            )
        yield


async def _enrol(settings: Settings, data: DataFolder, wish: Wish) -> Kept:
    if not wish.url or not wish.token:
        raise BadInput(
            "a runner registers with --server-url and FLOWFORGE_RUNNER_TOKEN (or --token -): "
            "`flowforge configure add-runner` prints both"
        )
    async with _wire(settings, wish.url) as wire:
        standing = await register(wire, wish.token, _offer(settings, wish))
        kept = Kept.of(wire.url, standing.key, standing)
    _keep(data, kept)
    return kept


async def _kept(settings: Settings, data: DataFolder, wish: Wish) -> Kept:
    known = _read_kept(data)
    if known is None:
        return await _enrol(settings, data, wish)
    return replace(known, url=wish.url) if wish.url else known


@asynccontextmanager
async def _wire(settings: Settings, url: str) -> AsyncIterator[Wire]:
    address = checked_address(url, plain=settings.runner_plain_http)
    wire = Wire(address, trust(settings.runner_ca), version("flowforge"))
    try:
        yield wire
    finally:
        await wire.aclose()


async def _work(settings: Settings, data: DataFolder, wish: Wish, say: Say) -> bool:
    """Whether it was told twice to stop."""
    async with AsyncExitStack() as stack:
        kept = await _kept(settings, data, wish)
        wire = await stack.enter_async_context(_wire(settings, kept.url))
        link = HttpLink(wire, kept.key)
        offer = _offer(settings, wish)
        standing = await _greeted(link, offer, data, kept)
        wire.hurry(standing.lease_seconds)
        sources = RemoteSources(data.path / "commits", wire.read)
        stack.callback(sources.close)
        stack.callback(data.leave_rooms)
        grace = max(SHORTEST_GRACE, min(GRACE, standing.lease_seconds / 6))
        executor = await stack.enter_async_context(_executor(settings, data, sources, grace))
        slots = min(standing.slots, wish.slots) if wish.slots else standing.slots
        rhythm = replace(Rhythm.afar(standing.lease_seconds, grace), others=standing.others)
        agent = Agent(
            PatientLink(link, longest=rhythm.renew),
            executor,
            FolderSpool(data.spool),
            slots,
            link.tell,
            rhythm,
            settings.log_limit,
            Floor(folders=(data.path, settings.workspace_root), least=settings.disk_floor).scarce,
        )
        say(f"runner {standing.name} works for {kept.url} with {slots} slots (Ctrl-C or SIGTERM drains it)")
        crew = Crew(agent, executor, settings.drain_seconds, say)
        return await crew.until_stopped()


async def _greeted(link: HttpLink, offer: Offer, data: DataFolder, kept: Kept) -> Kept:
    """What the server says of us now; while it does not answer what it said before, because what we hold must go on."""
    try:
        standing = await link.hello(offer)
    except Upstream as error:
        log.warning("the server does not answer yet; going on with what it said before", error=error.message)
        return kept
    now = Kept.of(kept.url, kept.key, standing)
    _keep(data, now)
    return now


class Crew:
    """The agent at work, and what signals mean to it."""

    def __init__(self, agent: Agent, executor: Executor, patience: float, say: Say) -> None:
        self._agent = agent
        self._executor = executor
        self._patience = patience
        self._say = say
        self._draining = asyncio.Event()
        self._forced = asyncio.Event()

    async def until_stopped(self) -> bool:
        with self._signals():
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(self.serve())
                forced = tasks.create_task(self._forced.wait())
                late = tasks.create_task(self._too_late())
                await asyncio.wait((serving, forced, late), return_when=asyncio.FIRST_COMPLETED)
                for task in (serving, forced, late):
                    task.cancel()
        if serving.done() and not serving.cancelled() and (refused := serving.result()):
            raise refused
        return self._forced.is_set()

    async def serve(self) -> FlowForgeError | None:
        """Begins anew, from what is on the disk, after whatever broke it, but for a server that will not have us."""
        while True:
            try:
                await apart(self._agent.serve(self._draining))
            except Exception as error:
                if refused := _refusal(error):
                    await self._leave_nothing(refused)
                    return refused
                log.exception("the agent broke and begins anew")
            else:
                return None
            await asyncio.sleep(PAUSE_AFTER_BREAKING)

    async def _leave_nothing(self, refused: FlowForgeError) -> None:
        """Whoever has our key no more has no jobs: they are another's from now on. A protocol that is not spoken can be
        mended by an update."""
        if isinstance(refused, ProtocolRefused):
            return
        try:
            await self._executor.sweep(())
        except (FlowForgeError, OSError):
            log.exception("what was running is not wholly removed")

    async def _too_late(self) -> None:
        await self._draining.wait()
        await asyncio.sleep(self._patience)
        self._say(f"jobs still run after {self._patience:g} s: they go on, and the next start resumes them")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._told)
        try:
            yield
        finally:
            for each in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(each)

    def _told(self) -> None:
        if self._draining.is_set():
            self._forced.set()
            return
        self._say("draining: no more jobs are taken; once more leaves those that run to the next start")
        self._draining.set()


def _refusal(error: BaseException) -> FlowForgeError | None:
    """What no second try can mend, wherever in a group it is."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_refusal, error.exceptions)), None)
    return error if isinstance(error, Unauthenticated | Forbidden | ProtocolRefused) else None


def _offer(settings: Settings, wish: Wish) -> Offer:
    return Offer(
        slots=wish.slots or settings.runner_slots,
        executor=settings.executor.value,
        version=version("flowforge"),
    )


@asynccontextmanager
async def _executor(
    settings: Settings, data: DataFolder, sources: Sources, grace: float
) -> AsyncIterator[Executor]:
    workspaces = settings.runner_data.with_name(f"{settings.runner_data.name}-workspaces")
    site = Site(instance=data.instance(), folder=data.rooms(), workspaces=workspaces, grace=grace)
    async with lasting_executor(settings, site, sources, os.environ) as executor:
        yield executor


def _path(data: DataFolder) -> Path:
    return data.keys / "runner.json"


def _keep(data: DataFolder, kept: Kept) -> None:
    data.write_private(_path(data), json.dumps(asdict(kept)))


def _read_kept(data: DataFolder) -> Kept | None:
    try:
        return Kept(**json.loads(_path(data).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise BadInput(f"{_path(data)} cannot be read: register this runner anew") from None
