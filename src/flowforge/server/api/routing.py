"""How a route of the API takes a body."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from flowforge.server.json_body import check_json


class JsonRoute(APIRoute):
    """Tells a body that cannot be read (400) from one whose fields are wrong (422), which FastAPI does not."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def checked(request: Request) -> Response:
            check_json(request.headers.get("content-type", ""), await request.body())
            return await handle(request)

        return checked
