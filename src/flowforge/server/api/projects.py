"""Repositories that FlowForge knows."""

from fastapi import APIRouter, Request

from flowforge.model.credential import Permission
from flowforge.server.api.represent import page_value, project_value
from flowforge.server.api.values import Cursor, Limit, PageValue, ProjectValue
from flowforge.server.door import door_of
from flowforge.server.permissions import permission

router = APIRouter(tags=["projects"])


@router.get("/api/v1/projects", summary="Projects with their last run")
@permission(Permission.READ)
async def list_projects(
    request: Request, limit: Limit = 20, cursor: Cursor = None
) -> PageValue[ProjectValue]:
    door = door_of(request.scope)
    page = await door.services.browse.projects(limit, cursor, runs=1)
    return page_value(tuple(project_value(v, door.settings.links) for v in page.items), page.after)
