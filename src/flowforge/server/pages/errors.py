"""What goes wrong, for somebody with a browser: the same look, the same words as the problem documents."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flowforge.errors import Unauthenticated
from flowforge.server.own_paths import own_page
from flowforge.server.pages.render import page
from flowforge.server.problems import document


async def error_page(request: Request, error: Exception) -> Response | None:
    """None where a program asked."""
    path = request.url.path
    if path not in {"/", "/docs"} and not path.startswith("/ui"):
        return None
    if isinstance(error, Unauthenticated):
        if request.method == "GET":
            return RedirectResponse(_sign_in(request), 303)
        return page(request, "sign_in.html", {"message": error.message, "next": None}, 401)
    found = document(error)
    response = page(
        request, "error.html", {"title": found.status.phrase, "detail": found.detail}, found.status
    )
    response.headers.update(found.headers)
    return response


def _sign_in(request: Request) -> str:
    asked = own_page(f"{request.url.path}?{request.url.query}".rstrip("?"))
    return (
        f"/ui/sign-in?next={quote(asked, safe='/')}"
        if asked not in {None, "/ui"} and asked
        else "/ui/sign-in"
    )
