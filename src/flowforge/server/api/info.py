"""What this server is."""

from fastapi import APIRouter, Request

from flowforge.forges.registry import FORGES
from flowforge.model.credential import Permission
from flowforge.server.api.values import Value
from flowforge.server.door import door_of
from flowforge.server.permissions import permission

router = APIRouter(tags=["server"])

FEATURES = (
    "runs",
    "logs.range",
    "logs.lines",
    "logs.follow",
    "events",
    "runners",
    "projects",
    "links",
    "secrets",
)


class Info(Value):
    """`features` grows with the server: ask it instead of comparing versions."""

    name: str
    version: str
    features: tuple[str, ...]


@router.get("/api/v1/info", summary="Name, version, features")
@permission(Permission.READ)
async def info(request: Request) -> Info:
    forges = tuple(f"{what}.{forge.name}" for forge in FORGES for what in ("webhooks", "commit-status"))
    return Info(
        name="flowforge", version=door_of(request.scope).settings.version, features=(*FEATURES, *forges)
    )
