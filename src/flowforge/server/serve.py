"""Listening, serving and ending in order."""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum, auto

import uvicorn

from flowforge.errors import BadInput, Conflict
from flowforge.server.app import Application
from flowforge.server.heads import PatientHttp

BACKLOG = 2048
GRACE = 2
"""Seconds that open connections have to end once the server was told to."""
KEEP_ALIVE = 75


class Ending(Enum):
    """Whether those who were being served were let go in order."""

    IN_ORDER = auto()
    FORCED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the server listens: the port is the one that was given when 0 was asked for."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def listen(host: str, port: int) -> socket.socket:
    """A bound, listening socket: whoever connects from now on is served once the server runs.

    Raises `Conflict` where somebody else has the port, `BadInput` for an address that cannot be listened on."""
    place = f"{host}:{port}"
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise BadInput(f"cannot listen on {place}: {error.strerror}", field="host") from None
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(f"{place} is in use by another program: stop it, or set PORT") from None
        raise BadInput(f"cannot listen on {place}: {error.strerror}", field="host") from None
    bound.settimeout(0)
    return bound


def listening(bound: socket.socket) -> Listening:
    host, port = bound.getsockname()[:2]
    return Listening(host=host, port=port)


async def serve(
    app: Application,
    bound: socket.socket,
    background: AbstractAsyncContextManager[object],
    ready: Callable[[Listening], None],
) -> Ending:
    """Serve until SIGTERM or SIGINT; a second one waits for nobody, and one that comes while `background` ends does
    what it does to any process. `background` is entered before the first request is served and left after the last;
    `ready` is called in between, when requests are being answered."""
    config = uvicorn.Config(
        app,
        loop="none",
        http=PatientHttp,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    place = listening(bound)
    async with background:
        server = Server(config, app, lambda: ready(place))
        await server.serve(sockets=[bound])
    return Ending.FORCED if server.force_exit else Ending.IN_ORDER


class Server(uvicorn.Server):
    """Ends streams in order when it is told to stop, and leaves the exit code to its caller."""

    def __init__(self, config: uvicorn.Config, app: Application, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._flowforge = app
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def main_loop(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._flowforge.warm_up())
            await super().main_loop()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.stop)
        try:
            yield
        finally:
            for each in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(each)

    def stop(self) -> None:
        """The first call ends in order, the second at once."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        self._flowforge.door.closing.begin()
