"""All projects, and what to do where there is none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from starlette.requests import Request
from starlette.responses import Response

from flowforge.model.credential import Permission
from flowforge.model.project import Project
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.server.api.represent import duration
from flowforge.server.auth import principal_of
from flowforge.server.door import Door, door_of
from flowforge.server.health import check_all
from flowforge.server.pages.render import page
from flowforge.server.pages.trace import Trace, trace
from flowforge.server.pages.words import NOTHING
from flowforge.server.permissions import permission
from flowforge.services.browse import ProjectView

SHOWN = 500
"""Projects that are sorted together; those beyond are found by name in the address."""
AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    project: Project
    url: str
    last: Run | None
    trace: Trace
    passed: str
    median_seconds: float | None


@permission(Permission.READ)
async def show_projects(request: Request) -> Response:
    door = door_of(request.scope)
    views, more = await _views(door)
    if not views:
        return await show_setup(request)
    sort = "name" if request.query_params.get("sort") == "name" else "recent"
    rows = _sorted(project_rows(views), sort)
    red = [row for row in rows if row.last and row.last.status is Status.FAILURE] if sort == "recent" else []
    groups = [("Failed", red), ("The others", [row for row in rows if row not in red])]
    return page(
        request,
        "projects.html",
        {
            "groups": [g for g in groups if g[1]],
            "sort": sort,
            "red": len(red),
            "more": more,
            "count": len(rows),
        },
    )


@permission(Permission.READ)
async def show_setup(request: Request) -> Response:
    door = door_of(request.scope)
    secret = door.settings.webhook_secret.decode("utf-8", errors="replace")
    is_admin = principal_of(request.scope).role.may(Permission.ADMINISTER)
    values = {
        "checks": await check_all(door),
        "settings": door.settings,
        "secret": secret if is_admin else None,
        "projects": bool((await door.services.browse.projects(1, runs=0)).items),
    }
    return page(request, "setup.html", values)


async def _views(door: Door) -> tuple[list[ProjectView], bool]:
    views: list[ProjectView] = []
    after: int | None = None
    while len(views) < SHOWN:
        found = await door.services.browse.projects(AT_ONCE, after)
        views.extend(found.items)
        after = found.after
        if after is None:
            return views, False
    return views, True


def project_rows(views: Sequence[ProjectView]) -> list[ProjectRow]:
    names = Counter(view.project.name for view in views)
    return [_row(view, names[view.project.name] > 1) for view in views]


def _row(view: ProjectView, shared: bool) -> ProjectRow:  # noqa: FBT001 - whether another forge has the same name
    over = [run for run in view.runs if run.status in (Status.SUCCESS, Status.FAILURE)]
    passed = sum(run.status is Status.SUCCESS for run in over)
    times = [seconds for run in over if (seconds := duration(run.started_at, run.finished_at)) is not None]
    name = view.project.name
    return ProjectRow(
        project=view.project,
        url=f"/ui/projects/{view.project.forge}/{name}" if shared else f"/ui/projects/{name}",
        last=view.runs[0] if view.runs else None,
        trace=trace(view.runs),
        passed=f"{100 * passed / len(over):.0f} %" if over else NOTHING,
        median_seconds=median(times) if times else None,
    )


def _sorted(rows: list[ProjectRow], sort: str) -> list[ProjectRow]:
    if sort == "name":
        return sorted(rows, key=lambda row: row.project.name.lower())
    return sorted(rows, key=lambda row: -(row.last.id if row.last else 0))
