"""In and out.

A one-time link signs in with the GET that a terminal's or a mail's click makes: a page with a button in between would be
one more step for people and none for an attacker, who needs the secret either way. What fetches links by itself says so,
or sends HEAD, and leaves the link unused; a link lives half an hour and only an admin can make one.
"""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flowforge.errors import Conflict, Unauthenticated
from flowforge.model.credential import Permission
from flowforge.server.auth import Cookie
from flowforge.server.door import Door, door_of
from flowforge.server.own_paths import own_page
from flowforge.server.pages.render import page
from flowforge.server.peer import peer_of
from flowforge.server.permissions import permission
from flowforge.services.access import SESSION_LIVES

HOME = "/ui/projects"


@permission(Permission.PUBLIC)
async def sign_in(request: Request) -> Response:
    return page(
        request, "sign_in.html", {"message": "", "next": own_page(request.query_params.get("next", ""))}
    )


@permission(Permission.PUBLIC)
async def redeem_link(request: Request) -> Response:
    if request.method != "GET" or _fetched_ahead(request):
        raise Conflict("this link signs in the one who opens it, once, and not one who looks ahead")
    door = door_of(request.scope)
    try:
        session, target = await door.services.access.redeem(request.path_params["secret"])
    except Unauthenticated as error:
        return page(request, "sign_in.html", {"message": error.message, "next": None}, 401)
    response = RedirectResponse(own_page(target) or HOME, 303)
    response.headers["Referrer-Policy"] = "no-referrer"
    cookie = _cookie(request, door)
    cookie.put(response, session, int(SESSION_LIVES.total_seconds()))
    return response


def _cookie(request: Request, door: Door) -> Cookie:
    settings = door.settings
    return Cookie.of(peer_of(request.scope, settings.trusted_proxies), settings.public_url)


def _fetched_ahead(request: Request) -> bool:
    purposes = [request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz", "x-purpose")]
    return any(
        word in purpose.lower() for purpose in purposes for word in ("prefetch", "preview", "prerender")
    )


@permission(Permission.READ)
async def sign_out(request: Request) -> Response:
    door = door_of(request.scope)
    cookie = _cookie(request, door)
    await door.services.access.sign_out(cookie.read(request.headers))
    response = RedirectResponse("/ui/sign-in", 303)
    cookie.clear(response)
    return response
