"""Runs: looked at, stopped, run again."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from flowforge.errors import BadInput
from flowforge.forges import checks
from flowforge.model.credential import CredentialKind, Permission
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.model.trigger import TriggerEvent
from flowforge.server.api.represent import page_value, run_summary, run_value
from flowforge.server.api.routing import JsonRoute
from flowforge.server.api.values import Body, Cursor, Limit, PageValue, RunId, RunSummary, RunValue
from flowforge.server.auth import principal_of
from flowforge.server.door import Door, door_of
from flowforge.server.permissions import permission
from flowforge.services.browse import RunFilter
from flowforge.services.control import Seen
from flowforge.services.start import Wish

router = APIRouter(tags=["runs"], route_class=JsonRoute)

Branch = Annotated[str | None, Query(max_length=500)]
InputName = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_.-]{0,99}$")]
InputText = Annotated[str, Field(max_length=10_000)]
BY_HAND = (CredentialKind.LOCAL, CredentialKind.SESSION)
"""A person's own: the command line on this machine, the browser."""
ProjectName = Annotated[str | None, Query(max_length=500, description="`owner/name`, also a former one")]


class Nothing(Body):
    """Fields may come some day; until then each is a mistake."""


class Wanted(Body):
    """`branch`, `tag` or `ref` (the full name of either) says where, by default the project's default branch; `commit`
    which one of its history, by default its tip; `pipeline` is a config file's path, by default the one the commit has."""

    project: str = Field(min_length=1, max_length=300)
    branch: str | None = Field(default=None, min_length=1, max_length=500)
    tag: str | None = Field(default=None, min_length=1, max_length=500)
    ref: str | None = Field(default=None, pattern="^refs/.+/?.+$", max_length=500)
    commit: str | None = Field(default=None, pattern="^([0-9a-f]{40}|[0-9a-f]{64})$")
    pipeline: str | None = Field(default=None, min_length=1, max_length=500)
    inputs: dict[InputName, InputText | bool | int | float] = Field(default={}, max_length=100)

    def wish(self) -> Wish:
        named = {"branch": self.branch, "tag": self.tag, "ref": self.ref}
        said = [name for name, value in named.items() if value]
        if len(said) > 1:
            raise BadInput(f"one of {', '.join(said)} is enough", field=said[1])
        prefix = {"branch": "refs/heads/", "tag": "refs/tags/", "ref": ""}
        ref = next((prefix[name] + value for name, value in named.items() if value), "")
        if ref and not checks.any_ref(ref):
            raise BadInput(f"{said[0]} is no name that git takes", field=said[0])
        return Wish(
            project=self.project,
            ref=ref,
            commit=self.commit or "",
            path=self.pipeline or "",
            inputs=self.inputs,
        )


class Again(Body):
    """Empty: everything, anew. `failed`: what failed and what was skipped for it. `job`: this one, by its key. What is
    not run again is kept as it was."""

    failed: bool | None = None
    job: Annotated[str | None, Field(min_length=1, max_length=500)] = None


class Approve(Body):
    """What whoever approves has looked at; a run of another commit or config is then not approved."""

    commit: Annotated[str, Field(max_length=200)] = ""
    config_digest: Annotated[str, Field(max_length=200)] = ""


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


@router.post("/api/v1/runs", status_code=201, summary="Start a run by hand")
@permission(Permission.OPERATE)
async def start_run(request: Request, response: Response, wanted: Wanted) -> RunValue:
    door, principal = door_of(request.scope), principal_of(request.scope)
    event = TriggerEvent.MANUAL if principal.kind in BY_HAND else TriggerEvent.API
    run = await door.services.control.start(wanted.wish(), event, principal.name)
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    return await _run(door, run.id)


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
    door = door_of(request.scope)
    run = await _again(door, run_id, again or Again())
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    return await _run(door, run.id)


@router.post("/api/v1/runs/{run_id}/approve", summary="Let a run of somebody else's code go on")
@permission(Permission.MAINTAIN)
async def approve_run(request: Request, run_id: RunId, approve: Approve | None = None) -> RunValue:
    door = door_of(request.scope)
    named = approve or Approve()
    seen = Seen(commit=named.commit, config_digest=named.config_digest)
    await door.services.control.approve(run_id, principal_of(request.scope).name, seen)
    return await _run(door, run_id)


@router.post("/api/v1/runs/{run_id}/jobs/{job:path}/approve", summary="Open an approval job")
@permission(Permission.MAINTAIN)
async def approve_job(
    request: Request,
    run_id: RunId,
    job: str,
    nothing: Nothing | None = None,  # noqa: ARG001 - asked for so that it is checked
) -> RunValue:
    door = door_of(request.scope)
    await door.services.control.open_gate(run_id, job, principal_of(request.scope).name)
    return await _run(door, run_id)


async def _again(door: Door, run_id: int, again: Again) -> Run:
    control = door.services.control
    if again.failed and again.job is not None:
        raise BadInput("failed and job cannot both be asked for", field="job")
    if again.job is not None:
        return await control.rerun_job(run_id, again.job)
    return await (control.rerun_failed(run_id) if again.failed else control.rerun(run_id))


async def _run(door: Door, run_id: int) -> RunValue:
    return run_value(await door.services.browse.run(run_id), door.settings.links)
