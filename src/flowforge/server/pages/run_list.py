"""Runs, newest first, with a form that filters them."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from flowforge.model.credential import Permission
from flowforge.model.project import Project
from flowforge.model.status import Status
from flowforge.server.api.values import LARGEST_ID
from flowforge.server.door import door_of
from flowforge.server.pages.render import page
from flowforge.server.permissions import permission
from flowforge.services.browse import RunFilter

ON_A_PAGE = 30


@permission(Permission.READ)
async def show_runs(request: Request) -> Response:
    return await run_list(request, None)


async def run_list(request: Request, project: Project | None) -> Response:
    query = request.query_params
    branch = query.get("branch", "").strip()[:500]
    status = _status(query.get("status", ""))
    where = RunFilter(project_id=project.id if project else None, branch=branch or None, status=status)
    found = await door_of(request.scope).services.browse.runs(
        ON_A_PAGE, _after(query.get("before", "")), where
    )
    chosen = {name: value for name, value in (("branch", branch), ("status", status)) if value}
    values = {
        "project": project,
        "views": found.items,
        "branch": branch,
        "status": status or "",
        "statuses": list(Status),
        "filtered": bool(chosen),
        "first_page": "before" not in query,
        "newest": "?" + urlencode(chosen),
        "older": "?" + urlencode({**chosen, "before": found.after}) if found.after else None,
    }
    return page(request, "runs.html", values)


def _status(text: str) -> Status | None:
    return Status(text) if text in {status.value for status in Status} else None


def _after(text: str) -> int | None:
    known = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if known and 0 < int(text) <= LARGEST_ID else None
