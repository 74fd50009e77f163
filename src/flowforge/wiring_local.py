"""Where a run without a server is put together: the agent, an executor, and a folder that is gone afterwards.

Beside `wiring` and not in it, because a local run must not pay for importing a server.
"""

import asyncio
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

from flowforge.adapters.data.folder import DataFolder
from flowforge.adapters.executors.docker import images, vetting
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.engine_socket import DEFAULT_ADDRESS, EngineSocket
from flowforge.adapters.executors.docker.executor import DockerExecutor
from flowforge.adapters.executors.docker.policy import Code, ContainerPolicy, Limits
from flowforge.adapters.executors.process.executor import ProcessExecutor
from flowforge.adapters.executors.site import Site
from flowforge.adapters.git.head import head_of
from flowforge.adapters.git.working_copy import WorkingCopySources
from flowforge.adapters.spool.folder import FolderSpool
from flowforge.errors import BadInput, EngineUnavailable, FlowForgeError
from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder
from flowforge.ports import Executor, Room, Sources
from flowforge.runner.agent import Agent
from flowforge.services.local_plan import Standing
from flowforge.services.local_run import LocalRun
from flowforge.settings import ExecutorChoice, JobSettings, Settings, load_job_settings
from flowforge.tasks import plainly

GRACE = 5.0
"""Seconds between TERM and KILL: somebody sits and waits."""
LEAVE_DEADLINE = 10.0
"""Seconds that taking down what was left behind may take once nobody wants to wait any more."""

KNOCK_DEADLINE = 1.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalMachine:
    """`choice` is what was asked for; `environ` names the engine. `say` hears sentences for the person."""

    choice: ExecutorChoice
    slots: int
    environ: Mapping[str, str]
    say: Say


def standing(folder: Path) -> Standing:
    head = head_of(folder)
    return Standing(commit=head.commit, ref=head.ref, title=head.title, author=head.author)


async def carry_out(run: LocalRun, machine: LocalMachine) -> None:
    """Until the run is over and nothing is left of it. Cancelled, it takes down what runs before it returns. Raises
    EngineUnavailable where the executor that was asked for cannot be had."""
    async with AsyncExitStack() as stack:
        base = Path(tempfile.mkdtemp(prefix="flowforge-run-"))
        stack.callback(_remove, base, machine.say)
        data, site = _site(base)
        stack.callback(shutil.rmtree, site.folder, ignore_errors=True)
        sources = WorkingCopySources()
        stack.callback(sources.close)
        executor = await stack.enter_async_context(_executor(machine, site, sources))
        spool = FolderSpool(data.spool)

        async def tell(reason: str) -> None:
            if reason:
                machine.say(f"no job can be taken: {reason}")

        agent = Agent(run.link(), executor, spool, machine.slots, tell)
        try:
            await _until_over(run, agent)
        finally:
            if spool.held():
                await take_down(executor, machine.say)


@plainly
async def _until_over(run: LocalRun, agent: Agent) -> None:
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(agent.serve())
        await run.over()
        serving.cancel()


async def take_down(executor: Executor, say: Say) -> None:
    """What is left of the run. Never raises for what cannot be removed: whoever waits is told how the run ended."""
    try:
        async with asyncio.timeout(LEAVE_DEADLINE):
            while not await _swept(executor):
                pass
    except TimeoutError:
        say(f"warning: what was left did not go within {LEAVE_DEADLINE:.0f} s")
    except (FlowForgeError, OSError) as error:
        say(f"warning: what was left is not wholly removed: {error}")


async def _swept(executor: Executor) -> bool:
    """False where a room that was just being removed went while it was looked at."""
    try:
        await executor.sweep(())
    except FileNotFoundError:
        return False
    return True


def _site(base: Path) -> tuple[DataFolder, Site]:
    """Steps that run as another user must be able to reach their workspace, and nothing else of it."""
    base.chmod(0o711)
    data = DataFolder(base / "data")
    data.prepare()
    # An instance of its own, so that no server takes its rooms for theirs, nor it a server's.
    (data.path / "instance").write_text(f"run-{os.getpid()}-{secrets.token_hex(8)}\n")
    return data, Site(
        instance=data.instance(), folder=data.rooms(), workspaces=base / "workspaces", grace=GRACE
    )


def _remove(base: Path, say: Say) -> None:
    try:
        shutil.rmtree(base)
    except OSError as error:
        say(f"warning: {base} is not wholly removed: {error.strerror}")


def container_policy(jobs: JobSettings, code: Code = Code.ANYBODYS) -> ContainerPolicy:
    return ContainerPolicy(
        limits=Limits(
            pids=jobs.pids, memory=jobs.memory, cpus=jobs.cpus, shm=jobs.shm, read_only=jobs.read_only
        ),
        grants=jobs.grants,
        network=jobs.network,
        subnets=IPv4Network(jobs.subnets),
        code=code,
    )


@asynccontextmanager
async def _executor(machine: LocalMachine, site: Site, sources: Sources) -> AsyncIterator[Executor]:
    """Processes only where no engine answers: what is meant for a container must not run outside of one by a typo."""
    if machine.choice is not ExecutorChoice.PROCESS:
        address = engine_address(machine.choice, machine.environ)
        policy = container_policy(load_job_settings(machine.environ, Path.cwd()), Code.OWN)
        async with DockerExecutor(site, sources, address=address, policy=policy) as docker:
            probe = await docker.probe()
            if probe.usable:
                machine.say(f"jobs run in containers: {probe.engine}")
                yield _InContainers(docker, Engine(EngineSocket(address or DEFAULT_ADDRESS)), machine.say)
                return
        if machine.choice is not ExecutorChoice.AUTO:
            raise EngineUnavailable(probe.reason)
        machine.say(f"jobs run as plain processes of this machine: {probe.reason}")
    async with ProcessExecutor(site, sources) as process:
        yield process


class _InContainers:
    """An executor for somebody who watches: tells what is pulled, and the way out where a job gets no container."""

    def __init__(self, docker: DockerExecutor, engine: Engine, say: Say) -> None:
        self.probe = docker.probe
        self.sweep = docker.sweep
        self._docker = docker
        self._engine = engine
        self._say = say
        self._pulled: set[str] = set()

    @asynccontextmanager
    async def open(self, key: AttemptKey, order: JobOrder) -> AsyncGenerator[Room]:
        async with self._docker.open(key, order) as room:
            yield _WatchedRoom(room, partial(self._tell_pull, order.image))

    async def _tell_pull(self, reference: str | None) -> None:
        if reference and reference not in self._pulled and await self._engine.image(reference) is None:
            self._pulled.add(reference)
            self._say(f"pulling the image {reference} …")


class _WatchedRoom:
    def __init__(self, room: Room, tell_pull: Callable[[], Awaitable[None]]) -> None:
        self.resume = room.resume
        self.run = room.run
        self.stop = room.stop
        self._begin = room.begin
        self._tell_pull = tell_pull

    async def begin(self, secrets: Mapping[str, str]) -> None:
        try:
            await self._tell_pull()
            await self._begin(secrets)
        except EngineUnavailable as error:
            raise EngineUnavailable(error.message + _WAY_OUT, final=error.final) from error
        except BadInput as error:
            if error.field != "image":
                raise
            raise BadInput(error.message + _WAY_OUT, field=error.field) from error


_WAY_OUT = "; --executor process runs jobs without containers"


async def engine_has(image: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """The engine that answers here and has the image or can pull it, or an empty name and the reason why none does."""
    address = engine_address(ExecutorChoice.AUTO, environ)
    engine = Engine(EngineSocket(address or DEFAULT_ADDRESS))
    try:
        version = await engine.version()
        await images.ensure(engine, image)
    except FlowForgeError as error:
        return "", error.message
    return vetting.engine_name(version), ""


def _is_heard(path: Path) -> bool:
    """A daemon that was killed leaves its socket behind."""
    with socket.socket(socket.AF_UNIX) as engine:
        engine.settimeout(KNOCK_DEADLINE)
        try:
            engine.connect(str(path))
        except OSError:
            return False
        return True


def lasting_executor(
    settings: Settings, site: Site, sources: Sources, environ: Mapping[str, str]
) -> DockerExecutor | ProcessExecutor:
    """Of a server or a runner; to be entered."""
    if settings.executor is ExecutorChoice.PROCESS:
        numbers = settings.process_users
        users = range(numbers[0], numbers[1] + 1) if numbers else None
        return ProcessExecutor(site, sources, users=users)
    address = engine_address(settings.executor, environ)
    policy = container_policy(settings.jobs)
    pool = None if settings.pool is None else dict(settings.pool)
    return DockerExecutor(site, sources, address=address, policy=policy, pool=pool)


def engine_address(choice: ExecutorChoice, environ: Mapping[str, str]) -> str | None:
    """The container engine to talk to. One that was chosen keeps its usual socket where it is absent, so that the
    complaint names it and nobody else answers in its place; None is for `AUTO` without any socket here."""
    if named := environ.get("DOCKER_HOST"):
        return named
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    docker = [Path("/var/run/docker.sock"), Path(runtime) / "docker.sock"]
    podman = [Path(runtime) / "podman" / "podman.sock", Path("/run/podman/podman.sock")]
    wanted = {ExecutorChoice.DOCKER: docker, ExecutorChoice.PODMAN: podman}.get(choice, docker + podman)
    there = [path for path in wanted if path.is_socket()]
    if there:
        return f"unix://{next(filter(_is_heard, there), there[0])}"
    match choice:
        case ExecutorChoice.DOCKER:
            return f"unix://{docker[0]}"
        case ExecutorChoice.PODMAN:
            return f"unix://{podman[1 if os.getuid() == 0 else 0]}"
        case _:
            return None
