"""What lies around every answer: its headers, its count, and an answer where the code behind failed."""

from time import perf_counter

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowforge.errors import BadInput
from flowforge.server.door import DOOR, Door
from flowforge.server.guard import ROUTE
from flowforge.server.headers import guard_headers
from flowforge.server.peer import peer_of
from flowforge.server.problems import document


class Envelope:
    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[DOOR] = self._door
        scope["app"] = self  # routers raise their 404 and 405 only where something stands around them
        sending = _Sending(scope, send, self._door)
        try:
            _check_host(scope)
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            return
        except Exception as error:
            if sending.complete:
                return  # answered and logged further in
            if sending.begun:
                raise
            await document(error).response()(scope, receive, sending)


def _check_host(scope: Scope) -> None:
    """RFC 9112, section 3.2: exactly one, so that everybody on the way reads the same."""
    count = sum(name == b"host" for name, _ in scope["headers"])
    if count > 1 or (count == 0 and scope["http_version"] == "1.1"):
        raise BadInput("an HTTP/1.1 request needs exactly one Host header")


class _Sending:
    """`send` of one exchange."""

    def __init__(self, scope: Scope, send: Send, door: Door) -> None:
        self._scope = scope
        self._send = send
        self._door = door
        self._since = perf_counter()
        self.begun = False
        self.complete = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            scope = self._scope
            trusted = self._door.settings.trusted_proxies
            scheme = peer_of(scope, trusted).scheme if trusted else scope["scheme"]
            guard_headers(message, scheme)
            self._door.meters.answered(
                scope["method"], scope.get(ROUTE, "none"), message["status"], perf_counter() - self._since
            )
        else:
            self.complete = not message.get("more_body", False)
        await self._send(message)
