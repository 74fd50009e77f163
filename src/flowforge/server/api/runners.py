"""Machines that carry out jobs."""

from fastapi import APIRouter, Request

from flowforge.model.credential import Permission
from flowforge.server.api.represent import page_value, runner_value
from flowforge.server.api.routing import JsonRoute
from flowforge.server.api.values import Body, PageValue, RunnerValue
from flowforge.server.door import door_of
from flowforge.server.permissions import permission

router = APIRouter(tags=["runners"], route_class=JsonRoute)


class NewRunner(Body):
    host: str
    labels: list[str] = []


@router.get("/runners", summary="All runners")
@router.get("/api/v1/runners", summary="All runners")
@permission(Permission.READ)
async def list_runners(request: Request) -> PageValue[RunnerValue]:
    services = door_of(request.scope).services
    now = services.ground.clock.now()
    return page_value(tuple(runner_value(runner, now) for runner in await services.runners.all()), None)


@router.post("/runners", status_code=201, summary="Register a runner, or give it new labels")
@router.post("/api/v1/runners", status_code=201, summary="Register a runner, or give it new labels")
@permission(Permission.ADMINISTER)
async def register_runner(request: Request, runner: NewRunner) -> RunnerValue:
    services = door_of(request.scope).services
    registered = await services.runners.register(runner.host, runner.labels)
    return runner_value(registered, services.ground.clock.now())
