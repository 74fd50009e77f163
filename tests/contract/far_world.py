"""A world whose runners come in through its door, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from flowforge.adapters.link.address import trust
from flowforge.adapters.link.http import HttpLink
from flowforge.adapters.link.wire import Wire
from flowforge.ports import RunnerLink
from flowforge.server.app import DoorSettings, Ground, Services, Trust, create_app
from flowforge.server.serve import listen, listening
from flowforge.services.access import Access
from flowforge.services.browse import Browse
from flowforge.services.control import Control
from flowforge.services.enrolment import Enrolment
from flowforge.services.handout import Handout
from flowforge.services.intake import Intake
from flowforge.services.reception import Reception
from flowforge.services.runners import Runners
from flowforge.services.secrets import Secrets
from flowforge.testing.sealer import FakeSealer
from flowforge.testing.sources import FakePacks
from tests.unit.services.world import World


@dataclass
class FarWorld(World):
    url: str = ""
    ca: Path | None = None
    packs: FakePacks = field(default_factory=FakePacks)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def wire(self) -> Wire:
        wire = Wire(self.url, trust(self.ca), "1.2.3")
        self.stack.push_async_callback(wire.aclose)
        return wire

    async def reach(self, key: str) -> RunnerLink:
        return HttpLink(self.wire(), key)

    @property
    def reception(self) -> Reception:
        return Reception(
            desk=self.desk,
            enrolment=Enrolment(self.store, self.clock),
            handout=Handout(self.store, self.clock, self.packs, b"a key for capabilities"),
            lease=60,
        )


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def far_world(certificate: tuple[Path, Path] | None = None) -> AsyncIterator[FarWorld]:
    """`certificate` is a file with the server's chain and one with its key."""
    world = FarWorld()
    bound = listen("127.0.0.1", 0)
    scheme = "https" if certificate else "http"
    world.url = f"{scheme}://localhost:{listening(bound).port}"
    ends = {"ssl_certfile": str(certificate[0]), "ssl_keyfile": str(certificate[1])} if certificate else {}
    config = uvicorn.Config(
        _application(world), lifespan="off", ws="none", log_config=None, access_log=False,
        timeout_graceful_shutdown=1, **ends,
    )  # fmt: skip
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[bound]))
        try:
            async with world.stack:
                yield world
        finally:
            server.should_exit = True


def _application(world: FarWorld) -> object:
    store, bell, clock = world.store, world.bell, world.clock
    services = Services(
        intake=Intake(store, bell, clock),
        control=Control(store, bell, clock),
        browse=Browse(store, clock),
        runners=Runners(store, clock),
        trust=Trust(access=Access(store, clock), secrets=Secrets(store, FakeSealer(), bell, clock)),
        ground=Ground(store=store, logs=world.logs, bell=bell, clock=clock),
    )
    settings = DoorSettings(version="1.2.3", public_url="https://ci.example", webhook_secret=b"s")
    return create_app(services, settings, world.reception)
