"""The machines that carry out jobs."""

from starlette.requests import Request
from starlette.responses import Response

from flowforge.model.credential import Permission
from flowforge.server.door import door_of
from flowforge.server.pages.render import page
from flowforge.server.permissions import permission
from flowforge.services.runners import status_of


@permission(Permission.READ)
async def show_runners(request: Request) -> Response:
    services = door_of(request.scope).services
    now = services.ground.clock.now()
    runners = [(runner, status_of(runner, now)) for runner in await services.runners.all()]
    return page(request, "runners.html", {"runners": runners})
