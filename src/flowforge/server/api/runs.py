"""Runs: looked at, stopped, run again."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from flowforge.errors import BadInput
from flowforge.model.credential import Permission
from flowforge.model.status import Status
from flowforge.server.api.represent import page_value, run_summary, run_value
from flowforge.server.api.routing import JsonRoute
from flowforge.server.api.values import Body, Cursor, Limit, PageValue, RunId, RunSummary, RunValue
from flowforge.server.auth import principal_of
from flowforge.server.door import Door, door_of
from flowforge.server.permissions import permission
from flowforge.services.browse import RunFilter

router = APIRouter(tags=["runs"], route_class=JsonRoute)

Branch = Annotated[str | None, Query(max_length=500)]
ProjectName = Annotated[str | None, Query(max_length=500, description="`owner/name`, also a former one")]


class Nothing(Body):
    """Fields may come some day; until then each is a mistake."""


class Again(Body):
    """Empty: everything, anew."""

    failed: bool | None = None
    job: str | None = None


@router.get("/pipelines", summary="The newest runs")
@router.get("/api/v1/runs", summary="The newest runs")
@permission(Permission.READ)
async def list_runs(
    request: Request,
    limit: Limit = 20,
    cursor: Cursor = None,
    branch: Branch = None,
    status: Annotated[Status | None, Query()] = None,
    project: ProjectName = None,
) -> PageValue[RunSummary]:
    door = door_of(request.scope)
    browse = door.services.browse
    project_id = (await browse.project(project)).id if project else None
    where = RunFilter(project_id=project_id, branch=branch or None, status=status)
    page = await browse.runs(limit, cursor, where)
    links = door.settings.links
    return page_value(tuple(run_summary(v.run, v.project, links) for v in page.items), page.after)


@router.get("/pipelines/{run_id}", summary="A run with its jobs")
@router.get("/api/v1/runs/{run_id}", summary="A run with its jobs")
@permission(Permission.READ)
async def get_run(request: Request, run_id: RunId) -> RunValue:
    return await _run(door_of(request.scope), run_id)


@router.post("/api/v1/runs/{run_id}/cancel", summary="Stop a run")
@permission(Permission.OPERATE)
async def cancel_run(
    request: Request,
    run_id: RunId,
    nothing: Nothing | None = None,  # noqa: ARG001 - asked for so that it is checked
) -> RunValue:
    door = door_of(request.scope)
    await door.services.control.cancel(run_id, principal_of(request.scope).name)
    return await _run(door, run_id)


@router.post("/api/v1/runs/{run_id}/rerun", status_code=201, summary="Run a finished run again")
@permission(Permission.OPERATE)
async def rerun_run(
    request: Request, response: Response, run_id: RunId, again: Again | None = None
) -> RunValue:
    for name, asked in (("failed", again and again.failed), ("job", again and again.job)):
        if asked:
            raise BadInput("not supported yet: re-run all of it instead, with an empty body", field=name)
    door = door_of(request.scope)
    run = await door.services.control.rerun(run_id)
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    return await _run(door, run.id)


async def _run(door: Door, run_id: int) -> RunValue:
    return run_value(await door.services.browse.run(run_id), door.settings.links)
