"""The API's description, for programs and for people."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse

from flowforge.model.credential import Permission
from flowforge.server.door import door_of
from flowforge.server.pages.render import page
from flowforge.server.permissions import permission, permission_of

router = APIRouter(include_in_schema=False)

_VERBS = ("get", "post", "put", "patch", "delete")
_OUTSIDE = {
    "/health": {
        "get": {
            "tags": ["server"],
            "summary": "Liveness, and a check of each part",
            "security": [],
            "responses": {
                "200": {"description": "The server works, perhaps not every part"},
                "503": {"description": "The database is not usable"},
            },
        }
    },
    "/webhook": {
        "post": {
            "tags": ["webhook"],
            "summary": "A forge's delivery, proved by its signature",
            "security": [],
            "responses": {
                "200": {"description": "Runs are queued; a redelivery gets the same answer"},
                "202": {"description": "An event that starts nothing"},
                "400": {"description": "Repository, ref or after is missing"},
                "401": {"description": "Not signed, or wrongly"},
                "413": {"description": "Larger than the limit"},
            },
        }
    },
}


@router.get("/openapi.json")
@permission(Permission.READ)
async def openapi(request: Request) -> JSONResponse:
    return JSONResponse(description(door_of(request.scope).settings.version))


@router.get("/docs")
@permission(Permission.READ)
async def docs(request: Request) -> HTMLResponse:
    found = description(door_of(request.scope).settings.version)
    return page(request, "docs.html", {"operations": list(_operations(found))})


@lru_cache(maxsize=1)
def description(version: str) -> dict[str, Any]:
    from flowforge.server.rest import rest_routes

    found = get_openapi(title="FlowForge", version=version, routes=rest_routes())
    found["paths"] = {**_OUTSIDE, **found["paths"]}
    schemes = found.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["token"] = {"type": "http", "scheme": "bearer"}
    found["security"] = [{"token": []}]
    _name_permissions(found)
    return found


def _name_permissions(found: dict[str, Any]) -> None:
    from flowforge.server.rest import rest_routes

    for route in rest_routes():
        entry = found["paths"].get(getattr(route, "path_format", ""), {})
        for verb in _VERBS:
            if verb in entry and verb.upper() in (getattr(route, "methods", None) or ()):
                entry[verb]["x-permission"] = permission_of(route)


def _operations(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, entry in sorted(found["paths"].items(), key=lambda item: (_is_alias(item[0]), item[0])):
        for verb in _VERBS:
            if verb in entry:
                yield {"path": path, "verb": verb.upper(), **entry[verb]}


def _is_alias(path: str) -> bool:
    return not path.startswith("/api/")
