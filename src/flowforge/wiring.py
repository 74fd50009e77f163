"""Where everything is put together: the one module that knows doors and adapters alike."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import structlog
import uvloop

from flowforge.adapters.data.clock import SystemClock
from flowforge.adapters.data.floor import Floor
from flowforge.adapters.data.folder import DataFolder
from flowforge.adapters.executors.site import Site
from flowforge.adapters.git.mirror_sources import MirrorSources
from flowforge.adapters.git.mirrors import GitMirrors, MirrorPolicy
from flowforge.adapters.git.source_pack import MirrorPacks
from flowforge.adapters.http.client import HttpClient
from flowforge.adapters.logs.folder import FileLogs
from flowforge.adapters.queue.bell import LocalBell
from flowforge.adapters.spool.folder import FolderSpool
from flowforge.adapters.store.opening import open_store
from flowforge.adapters.vault.environment import EnvironmentVault
from flowforge.adapters.vault.key_ring import KeyRing
from flowforge.adapters.vault.layered import LayeredVault
from flowforge.adapters.vault.sealed import SealedVault
from flowforge.adapters.vault.sealer import RingSealer
from flowforge.local_token import is_loopback, publish
from flowforge.logging import configure_logging
from flowforge.model.secret import SecretKind
from flowforge.ports import Bell, Clock, Executor, Logs, Sealer, SourcePacks, Sources, Store, Vault
from flowforge.runner.agent import Agent
from flowforge.runner.patient import PatientLink
from flowforge.runner.rhythm import Rhythm
from flowforge.server.app import Application, DoorSettings, Ground, Services, Trust, Unsigned, create_app
from flowforge.server.serve import Ending, listen, listening
from flowforge.server.serve import serve as serve_http
from flowforge.services.access import Access
from flowforge.services.browse import Browse
from flowforge.services.claiming import Turns
from flowforge.services.control import Control
from flowforge.services.enrolment import Enrolment
from flowforge.services.follow import Followers
from flowforge.services.handout import Handout
from flowforge.services.hook_secrets import ProjectHookSecrets
from flowforge.services.intake import Intake
from flowforge.services.link import Desk
from flowforge.services.links import Links
from flowforge.services.prepare import Preparer
from flowforge.services.reception import Reception
from flowforge.services.runners import Runners
from flowforge.services.secrets import Secrets
from flowforge.services.statuses import StatusKeeper, Wording
from flowforge.services.steady import SteadyClock
from flowforge.services.timetable import Timetable
from flowforge.services.watch import Patience, Watch
from flowforge.settings import Settings
from flowforge.tasks import apart
from flowforge.wiring_forges import clone_tokens, commit_statuses
from flowforge.wiring_local import lasting_executor

log = structlog.get_logger()

PAUSE_AFTER_BREAKING = 1.0

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a person wants to know once the server answers. `setup_link` is there at the first start only;
    `webhook_secret_file` then too, where the server made the secret itself."""

    url: str
    setup_link: str | None
    webhook_secret_file: Path | None


def serve(settings: Settings, announce: Callable[[Announcement], None]) -> None:
    """Serve until told to stop. Raises for what keeps the server from starting, KeyboardInterrupt when it was told twice."""
    release = configure_logging(level=settings.log_level, console=settings.log_format, folder=settings.data)
    try:
        if uvloop.run(_serve(settings, announce)) is Ending.FORCED:
            raise KeyboardInterrupt
    finally:
        release()


async def _serve(settings: Settings, announce: Callable[[Announcement], None]) -> Ending:
    is_first = not DataFolder(settings.data).is_named
    bound = listen(settings.host, settings.port)
    place = listening(bound)
    public_url = settings.public_url or place.url
    async with system(settings, public_url) as parts:
        link = f"{public_url}/ui/link/{await parts.access.link('/ui/projects')}" if is_first else None
        made = parts.data.keys / "webhook.secret" if is_first and settings.webhook_secret is None else None
        announcement = Announcement(url=public_url, setup_link=link, webhook_secret_file=made)
        async with _local_token(parts, place.url):
            work = at_work(parts.work)
            return await serve_http(parts.app, bound, work, lambda _: announce(announcement))


@asynccontextmanager
async def _local_token(parts: "System", url: str) -> AsyncIterator[None]:
    """On a loopback address: the admin token by which `flowforge` on this machine is let in, for as long as we serve."""
    if not is_loopback(url):
        parts.data.remove_local_token()
        yield
        return
    parts.data.write_local_token(await parts.access.local_token(parts.data.instance()))
    try:
        publish(url, parts.data.local_token, os.environ)
    except (OSError, RuntimeError) as error:
        log.warning("the local token's place could not be published", error=str(error))
    yield


@asynccontextmanager
async def at_work(work: "tuple[Work, ...]") -> AsyncIterator[None]:
    """What goes on behind the door, inside the block."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_kept_up(each)) for each in work]
        yield
        for task in running:
            task.cancel()


async def _kept_up(work: "Work") -> None:
    """One value that breaks a loop must not end the server: the loop begins anew, from what is stored."""
    while True:
        try:
            await apart(work())
        except Exception:
            log.exception("a background loop broke and begins anew")
        await asyncio.sleep(PAUSE_AFTER_BREAKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A server ready to serve: its door, its data folder, and what goes on behind the door until it is told to stop."""

    app: Application
    access: Access
    data: DataFolder
    work: tuple[Work, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every service stands on."""

    store: Store
    logs: Logs
    bell: Bell
    clock: Clock
    vault: Vault
    sealer: Sealer
    data: DataFolder
    floor: Floor

    def kept(self, kind: SecretKind) -> Vault:
        return SealedVault(self.store, self.sealer, kind)


@asynccontextmanager
async def system(settings: Settings, public_url: str) -> AsyncIterator[System]:
    async with AsyncExitStack() as stack:
        base = await _base(settings, stack)
        links = Links(public_url)
        tokens = clone_tokens(settings, base.store, base.kept(SecretKind.FORGE_TOKEN))
        mirrors = GitMirrors(base.data.mirrors, _mirror_policy(settings), tokens.of)
        sources = MirrorSources(mirrors)
        stack.callback(sources.close)
        executor = await _executor(settings, base.data, sources, stack)
        services = _services(base, links)
        await services.secrets.resume_rotation()
        packs = MirrorPacks(mirrors)
        stack.callback(packs.close)
        reception = _reception(settings, base, packs)
        yield System(
            app=create_app(services, _door(settings, base.data, public_url), reception),
            access=services.access,
            data=base.data,
            work=(
                Preparer(base.store, mirrors, base.bell, base.clock, links).serve,
                _statuses(settings, base, links, stack).serve,
                Timetable(base.store, base.bell, base.clock).serve,
                Followers(base.store, base.bell, base.clock).serve,
                _watch(settings, base).serve,
                await _local_agent(settings, base, services.runners, reception.desk, executor),
            ),
        )


async def _base(settings: Settings, stack: AsyncExitStack) -> Base:
    data = DataFolder(settings.data)
    await asyncio.to_thread(data.prepare)
    stack.callback(data.leave_rooms)
    floor = Floor(folders=(settings.data, settings.workspace_root), least=settings.disk_floor)
    store = await asyncio.to_thread(open_store, settings.database_url)
    stack.push_async_callback(store.close)
    ring = KeyRing(data.master_keys, settings.master_key or "")
    await asyncio.to_thread(ring.prepare)
    sealer = RingSealer(ring)
    return Base(
        store=store,
        logs=await stack.enter_async_context(FileLogs(data.run_logs, scarce=floor.scarce)),
        bell=LocalBell(),
        clock=SystemClock(),
        vault=LayeredVault(EnvironmentVault(os.environ), SealedVault(store, sealer)),
        sealer=sealer,
        data=data,
        floor=floor,
    )


def _services(base: Base, links: Links) -> Services:
    store, bell, clock = base.store, base.bell, base.clock
    hook_secrets = ProjectHookSecrets(store, base.kept(SecretKind.WEBHOOK), clock)
    return Services(
        intake=Intake(store, bell, clock),
        control=Control(store, bell, clock, links),
        browse=Browse(store, clock),
        runners=Runners(store, clock),
        trust=Trust(
            access=Access(store, clock),
            secrets=Secrets(store, base.sealer, bell, clock, hook_secrets.forget),
            hook_secrets=hook_secrets,
        ),
        ground=Ground(store=store, logs=base.logs, bell=bell, clock=clock, scarce=base.floor.scarce),
    )


def _door(settings: Settings, data: DataFolder, public_url: str) -> DoorSettings:
    secret = settings.webhook_secret or data.webhook_secret()
    return DoorSettings(
        version=version("flowforge"),
        public_url=public_url,
        webhook_secret=secret.encode(),
        webhook_max_bytes=settings.webhook_max_bytes,
        unsigned_webhooks=Unsigned.FROM_LOOPBACK if settings.unsigned_webhooks else Unsigned.REFUSED,
        trusted_proxies=settings.trusted_proxies,
    )


def _mirror_policy(settings: Settings) -> MirrorPolicy:
    return MirrorPolicy(trusted=frozenset(settings.trusted_forges))


def _statuses(settings: Settings, base: Base, links: Links, stack: AsyncExitStack) -> StatusKeeper:
    http = HttpClient(frozenset(settings.trusted_forges))
    stack.push_async_callback(http.aclose)
    forge = commit_statuses(settings, http, base.kept(SecretKind.FORGE_TOKEN))
    wording = Wording(context=settings.status_context, links=links)
    return StatusKeeper(base.store, forge, base.bell, SteadyClock(base.clock), wording, base.data.instance())


def _watch(settings: Settings, base: Base) -> Watch:
    patience = Patience(lease=settings.lease_seconds, engine=settings.engine_wait)
    return Watch(base.store, base.logs, base.bell, SteadyClock(base.clock), patience)


def _reception(settings: Settings, base: Base, packs: SourcePacks) -> Reception:
    key = (settings.capability_key or base.data.capability_key()).encode()
    return Reception(
        desk=Desk(base.store, base.logs, base.bell, base.clock, base.vault, Turns(settings.lease_seconds)),
        enrolment=Enrolment(base.store, base.clock),
        handout=Handout(base.store, base.clock, packs, key),
        lease=settings.lease_seconds,
    )


async def _local_agent(
    settings: Settings, base: Base, runners: Runners, desk: Desk, executor: Executor
) -> Work:
    runner = await runners.enrol_local(settings.runner_slots, settings.executor, base.data.instance())
    rhythm = Rhythm.within(settings.lease_seconds)
    link = PatientLink(await desk.admit(await runners.issue_key(runner.id)), longest=rhythm.renew)

    async def tell(note: str) -> None:
        await runners.note(runner.id, note)

    spool = FolderSpool(base.data.spool)
    agent = Agent(
        link, executor, spool, settings.runner_slots, tell, rhythm, settings.log_limit, base.floor.scarce
    )
    return agent.serve


async def _executor(
    settings: Settings, data: DataFolder, sources: Sources, stack: AsyncExitStack
) -> Executor:
    site = Site(instance=data.instance(), folder=data.rooms(), workspaces=settings.workspace_root)
    return await stack.enter_async_context(lasting_executor(settings, site, sources, os.environ))
