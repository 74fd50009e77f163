"""Every change of state, as it becomes true."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from flowforge.model.credential import Permission
from flowforge.server.api.values import LARGEST_ID
from flowforge.server.auth import principal_of
from flowforge.server.closing import LiveStream
from flowforge.server.door import door_of
from flowforge.server.live import Wanted, event_frames
from flowforge.server.permissions import permission

router = APIRouter(tags=["events"])

LastSeen = Annotated[str, Header(alias="Last-Event-ID", max_length=200)]


@router.get("/api/v1/events", response_class=Response, summary="Server-sent events")
@permission(Permission.READ)
async def stream_events(
    request: Request,
    last_seen: LastSeen = "",
    run: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Of this run only")] = None,
) -> Response:
    door = door_of(request.scope)
    wanted = Wanted(organisation_id=principal_of(request.scope).organisation_id, run_id=run)
    frames = event_frames(door.services.ground, last_seen, wanted)
    # Proxies that collect an answer before they hand it on would hold every event back.
    headers = {"X-Accel-Buffering": "no"}
    return LiveStream(frames, door.closing, "text/event-stream", headers)
