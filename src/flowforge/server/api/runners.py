"""Machines that carry out jobs."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from flowforge.model.credential import Permission
from flowforge.model.runner import Trust
from flowforge.server.api.represent import page_value, runner_value
from flowforge.server.api.routing import JsonRoute
from flowforge.server.api.values import Body, PageValue, RunnerId, RunnerValue
from flowforge.server.door import door_of
from flowforge.server.permissions import permission
from flowforge.services.enrolment import MOST_SLOTS, REGISTRATION_LIVES
from flowforge.services.runners import Terms, is_own

router = APIRouter(tags=["runners"], route_class=JsonRoute)


class NewRunner(Body):
    """`projects` are names or ids, none of them for all; `slots` bounds how many jobs it may hold, 0 for its own word."""

    host: str
    labels: list[str] = []
    projects: Annotated[list[str], Field(max_length=1000)] = []
    slots: Annotated[int, Field(ge=0, le=MOST_SLOTS)] = 0
    trusted_only: bool = False


class RunnerChange(Body):
    draining: bool


class RegisteredRunner(RunnerValue):
    """`token` is shown this once; null for the server's own runner, which needs none."""

    token: str | None
    token_expires_in_seconds: int | None


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
async def register_runner(request: Request, runner: NewRunner) -> RegisteredRunner:
    door = door_of(request.scope)
    trust = Trust.TRUSTED_ONLY if runner.trusted_only else Trust.ANY
    terms = Terms(projects=runner.projects, slots=runner.slots, trust=trust)
    registered = await door.services.runners.register(runner.host, runner.labels, terms)
    token = None if is_own(registered) else await door.reception.enrolment.token(registered.id)
    value = runner_value(registered, door.services.ground.clock.now())
    return RegisteredRunner(
        **value.model_dump(),
        token=token,
        token_expires_in_seconds=int(REGISTRATION_LIVES.total_seconds()) if token else None,
    )


@router.patch("/api/v1/runners/{runner_id}", summary="Let a runner drain, or take jobs again")
@permission(Permission.ADMINISTER)
async def change_runner(request: Request, runner_id: RunnerId, change: RunnerChange) -> RunnerValue:
    services = door_of(request.scope).services
    changed = await services.runners.drain(runner_id, draining=change.draining)
    return runner_value(changed, services.ground.clock.now())
