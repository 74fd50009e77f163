"""The HTTP door as one ASGI application.

Forges and monitors are answered at once. The rest needs FastAPI, whose import takes a third of a second: it is loaded
in a thread while the server already listens, and whoever asks before waits for it.
"""

import asyncio

from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from flowforge.server.assets import static_file
from flowforge.server.door import Door, DoorSettings, Ground, Services, Trust, Unsigned
from flowforge.server.envelope import Envelope
from flowforge.server.guard import guarded
from flowforge.server.health import health
from flowforge.server.webhooks import Webhook
from flowforge.services.reception import Reception

__all__ = [
    "Application",
    "Door",
    "DoorSettings",
    "Ground",
    "Services",
    "Trust",
    "Unsigned",
    "create_app",
    "routes",
]


def routes() -> list[BaseRoute]:
    """Every route there is."""
    from flowforge.server.rest import rest_routes

    return [*_first_routes(), *rest_routes()]


def _first_routes() -> list[BaseRoute]:
    return [
        Route("/webhook", Webhook(), methods=["POST"], name="webhook"),
        Route("/health", health, methods=["GET"], name="health"),
        Route("/static/{name}", static_file, methods=["GET"], name="static"),
    ]


class Application:
    """`warm_up` begins to load what is loaded late; without it the first request does."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self._late = _Late()
        first = guarded(_first_routes())
        router = Router(first, redirect_slashes=False, default=self._late)
        self._app = Envelope(_FastLane(first, router), door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def warm_up(self) -> None:
        await self._late.load()


def create_app(services: Services, settings: DoorSettings, reception: Reception) -> Application:
    return Application(Door(services=services, settings=settings, reception=reception))


class _FastLane:
    """Webhooks come in bursts of thousands: theirs is the one address that is not looked for among the others."""

    def __init__(self, routes: list[BaseRoute], otherwise: ASGIApp) -> None:
        self._webhook = next(r.app for r in routes if isinstance(r, Route) and r.path == "/webhook")
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fast = scope["type"] == "http" and scope["path"] == "/webhook" and scope["method"] == "POST"
        await (self._webhook if fast else self._otherwise)(scope, receive, send)


class _Late:
    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await self.load()
        await app(scope, receive, send)

    async def load(self) -> ASGIApp:
        async with self._turn:
            if self._app is None:
                self._app = await asyncio.to_thread(_load)
        return self._app


def _load() -> ASGIApp:
    from flowforge.server.rest import rest_app

    return rest_app()
