"""Permission, checked on the endpoint that was routed to and never on the text of a path. Nothing declared, nothing served."""

from collections.abc import Iterable
from copy import copy

from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from flowforge.errors import Bug, Forbidden
from flowforge.model.credential import Permission
from flowforge.server.auth import HARMLESS, PRINCIPAL, bearer, identify
from flowforge.server.body import read_body, replayed
from flowforge.server.door import door_of
from flowforge.server.permissions import permission_of

LINK = "flowforge.link"
"""Key of the scope: the link of the runner that asks."""
ROUTE = "flowforge.route"
"""Key of the scope: the path of the matched route, for counting."""
LARGEST_BODY = 1024 * 1024
"""Of everything but webhooks."""

_OPEN = frozenset({Permission.PUBLIC, Permission.SIGNED})


def guarded(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """The same routes, each behind its permission."""
    return [_guarded(route) for route in routes]


def _guarded(route: BaseRoute) -> BaseRoute:
    if not isinstance(route, Route):
        raise Bug(f"{route!r} is no plain route, so nothing could guard it")
    behind = copy(route)
    behind.app = Guard(route.app, route.path_format, permission_of(route))
    return behind


class Guard:
    def __init__(self, app: ASGIApp, path: str, wanted: Permission | None) -> None:
        self._app = app
        self._path = path
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = self._path
        if self._wanted is None:
            raise Forbidden("this address declares no permission, so nobody has it")
        if self._wanted is Permission.RUNNER:
            scope[LINK] = await door_of(scope).reception.desk.admit(bearer(scope))
            receive = await self._read(scope, receive)
        elif self._wanted not in _OPEN:
            principal = await identify(scope, door_of(scope))
            if not principal.role.may(self._wanted):
                raise Forbidden(f"a {principal.role} may not do this: it needs the permission {self._wanted}")
            scope[PRINCIPAL] = principal
            if scope["method"] not in HARMLESS:
                receive = await self._read(scope, receive)
        await self._app(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive) -> Receive:
        return replayed(await read_body(Headers(scope=scope), receive, LARGEST_BODY), receive)
