"""Templates to pages."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from flowforge.model.status import Status
from flowforge.server.assets import asset_url
from flowforge.server.auth import PRINCIPAL
from flowforge.server.door import door_of
from flowforge.server.pages import words

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent.parent / "templates"


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(asset_url=asset_url, icon=icon, Status=Status)
    made.filters.update(
        short=words.short,
        spoken=words.spoken,
        number=words.number,
        size=words.size,
        exact=words.exact,
        machine=words.machine,
        status_word=status_word,
    )
    return made


def icon(name: str) -> Markup:
    return Markup('<svg class="i" aria-hidden="true"><use href="{}#i-{}"/></svg>').format(
        asset_url("icons.svg"), name
    )


def status_word(status: str) -> str:
    return words.STATUS[Status(status)]


def page(
    request: Request, template: str, values: Mapping[str, object], status_code: int = 200
) -> HTMLResponse:
    """`who` is None on pages for those who are not signed in."""
    now = door_of(request.scope).services.ground.clock.now()
    shared = {
        "who": request.scope.get(PRINCIPAL),
        "now": now,
        "age": lambda at: words.age(at, now),
        "path": request.url.path,
        "refresh": None,
    }
    text = _environment().get_template(template).render({**shared, **values})
    return HTMLResponse(text, status_code)
