"""One run: what failed first, then everything else."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flowforge.errors import NotFound
from flowforge.model.credential import Permission
from flowforge.server.api.values import LARGEST_ID
from flowforge.server.auth import principal_of
from flowforge.server.door import door_of
from flowforge.server.pages.render import page
from flowforge.server.pages.run_view import described
from flowforge.server.permissions import permission
from flowforge.services.control import Seen

REFRESH = 3
"""Seconds after which the page of a run that goes on asks for itself again."""


@permission(Permission.READ)
async def show_run(request: Request) -> Response:
    door = door_of(request.scope)
    view = await door.services.browse.run(run_id(request))
    over = view.run.status.terminal
    values = await described(door.services.ground.logs, view, door.services.ground.clock.now())
    values["may_approve"] = principal_of(request.scope).role.may(Permission.MAINTAIN)
    values["may"] = principal_of(request.scope).role.may(Permission.OPERATE)
    values["stopping"] = any(each.job.stopping for each in view.jobs or ())
    values["refresh"] = None if over else REFRESH
    return page(request, "run.html", values)


@permission(Permission.OPERATE)
async def cancel_run(request: Request) -> Response:
    number = run_id(request)
    await door_of(request.scope).services.control.cancel(number, principal_of(request.scope).name)
    return RedirectResponse(f"/ui/pipelines/{number}", 303)


@permission(Permission.OPERATE)
async def rerun_run(request: Request) -> Response:
    control = door_of(request.scope).services.control
    again = control.rerun_failed if "failed" in request.query_params else control.rerun
    run = await again(run_id(request))
    return RedirectResponse(f"/ui/pipelines/{run.id}", 303)


@permission(Permission.MAINTAIN)
async def approve_run(request: Request) -> Response:
    """The page names commit and config in the address it posts to, so that what was seen is what is approved."""
    number, query = run_id(request), request.query_params
    seen = Seen(commit=query.get("commit", ""), config_digest=query.get("config", ""))
    await door_of(request.scope).services.control.approve(number, principal_of(request.scope).name, seen)
    return RedirectResponse(f"/ui/pipelines/{number}", 303)


@permission(Permission.MAINTAIN)
async def approve_job(request: Request) -> Response:
    number, job = run_id(request), request.path_params["job"]
    await door_of(request.scope).services.control.open_gate(number, job, principal_of(request.scope).name)
    return RedirectResponse(f"/ui/pipelines/{number}", 303)


def run_id(request: Request) -> int:
    text = str(request.path_params["run"])
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= LARGEST_ID):
        raise NotFound("run", text[:40])
    return int(text)
