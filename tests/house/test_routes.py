"""No route without a declared permission."""

from importlib import import_module
from importlib.util import find_spec

from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from flowforge.model.credential import Permission
from flowforge.server.permissions import declared, permission, permission_of, undeclared


@permission(Permission.READ)
async def reading(request: Request) -> Response:
    return Response(str(request.url))


async def forgotten(request: Request) -> Response:
    return Response(str(request.url))


@permission(Permission.OPERATE)
async def socket(websocket: WebSocket) -> None:
    await websocket.accept()


class Files:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(b"")(scope, receive, send)


def test_every_route_of_the_server_declares_its_permission() -> None:
    assert undeclared(_server_routes()) == ()


def _server_routes() -> list[object]:
    if find_spec("flowforge.server.app") is None:
        return []
    return list(import_module("flowforge.server.app").routes())


def test_a_route_without_a_permission_is_found_wherever_it_is_mounted() -> None:
    inner = [Route("/fine", reading), Route("/forgotten", forgotten)]
    routes = [
        Route("/top", reading),
        WebSocketRoute("/live", socket),
        Mount("/api", routes=[Mount("/v1", app=Starlette(routes=inner))]),
        Mount("/static", app=Files()),
    ]
    assert undeclared(routes) == ("/api/v1/forgotten", "/static")


def test_a_mounted_application_declares_for_all_below_it() -> None:
    routes = [Mount("/static", app=permission(Permission.PUBLIC)(Files()))]
    assert undeclared(routes) == ()
    assert permission_of(routes[0]) is Permission.PUBLIC


def test_routes_of_an_included_router_are_seen() -> None:
    router = APIRouter(prefix="/runs")
    router.get("/{id}")(reading)
    router.post("/{id}/cancel")(forgotten)
    app = FastAPI(openapi_url=None)
    app.include_router(router, prefix="/api/v1")
    assert undeclared(app.routes) == ("/api/v1/runs/{id}/cancel",)
    assert declared(app.routes) == {"/api/v1/runs/{id}": Permission.READ}


def test_the_pages_a_framework_adds_by_itself_are_found() -> None:
    assert "/openapi.json" in undeclared(FastAPI().routes)
