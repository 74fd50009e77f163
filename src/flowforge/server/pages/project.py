"""One project's runs."""

from starlette.requests import Request
from starlette.responses import Response

from flowforge.errors import NotFound
from flowforge.model.credential import Permission
from flowforge.model.project import Project
from flowforge.ports import Tx
from flowforge.server.door import door_of
from flowforge.server.pages.projects import project_rows
from flowforge.server.pages.render import page
from flowforge.server.pages.run_list import run_list
from flowforge.server.permissions import permission
from flowforge.services.browse import ProjectView

LONGEST_NAME = 500


@permission(Permission.READ)
async def show_project(request: Request) -> Response:
    """By its name, with the forge's in front where two forges have the same; a former name serves too."""
    name = request.path_params["name"]
    found = await door_of(request.scope).services.ground.store.read(lambda tx: projects_called(tx, name))
    if not found:
        raise NotFound("project", name[:LONGEST_NAME])
    if len(found) == 1:
        return await run_list(request, found[0])
    rows = project_rows([ProjectView(project=project) for project in found])
    values = {"groups": [(f"Called {name}", rows)], "sort": "", "red": 0, "more": False, "count": len(rows)}
    return page(request, "projects.html", values)


def projects_called(tx: Tx, name: str) -> list[Project]:
    """Several only where more than one is called so now."""
    if len(name) > LONGEST_NAME or "\0" in name:
        return []
    forge, _, rest = name.partition("/")
    named = list(tx.projects.named(name))
    named = named or [project for project in tx.projects.named(rest) if project.forge == forge]
    wanted = {name, rest}
    now = [project for project in named if project.name in wanted]
    return now or named[:1]
