"""One-time links that sign a browser in."""

from fastapi import APIRouter, Request

from flowforge.errors import BadInput
from flowforge.model.credential import Permission
from flowforge.server.api.routing import JsonRoute
from flowforge.server.api.values import Body, Value
from flowforge.server.door import door_of
from flowforge.server.own_paths import own_page
from flowforge.server.permissions import permission
from flowforge.services.access import LINK_LIVES

router = APIRouter(tags=["access"], route_class=JsonRoute)


class NewLink(Body):
    """`target` is the page to open, a path of this server's."""

    target: str = "/ui"


class LinkValue(Value):
    url: str
    expires_in_seconds: int


@router.post("/api/v1/links", status_code=201, summary="A one-time link that signs a browser in")
@permission(Permission.ADMINISTER)
async def make_link(request: Request, link: NewLink) -> LinkValue:
    target = own_page(link.target)
    if target is None:
        raise BadInput("target must be a path of this server's pages, such as /ui/projects", field="target")
    door = door_of(request.scope)
    secret = await door.services.access.link(target)
    return LinkValue(
        url=f"{door.settings.public_url}/ui/link/{secret}", expires_in_seconds=int(LINK_LIVES.total_seconds())
    )
