"""All routes that FastAPI carries, as one application. Importing this module is what takes the time."""

from functools import cache

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flowforge.errors import FlowForgeError
from flowforge.server.api import (
    docs,
    events,
    info,
    links,
    logs,
    metrics,
    projects,
    runner_link,
    runners,
    runs,
    secrets,
)
from flowforge.server.guard import guarded
from flowforge.server.pages.errors import error_page
from flowforge.server.pages.routes import page_routes
from flowforge.server.problems import document

_ROUTERS = (
    info.router,
    runs.router,
    logs.router,
    runners.router,
    runner_link.router,
    projects.router,
    events.router,
    links.router,
    secrets.router,
    metrics.router,
    docs.router,
)


def rest_routes() -> list[BaseRoute]:
    return [*(route for router in _ROUTERS for route in router.routes), *page_routes()]


@cache
def rest_app() -> FastAPI:
    """One for all doors: what differs from door to door comes with each request's scope."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=dict.fromkeys(
            (HTTPException, RequestValidationError, FlowForgeError, Exception), _answer
        ),
    )
    app.router.routes = guarded(rest_routes())
    return app


async def _answer(request: Request, error: Exception) -> Response:
    page = await error_page(request, error)
    return page or document(error).response()
