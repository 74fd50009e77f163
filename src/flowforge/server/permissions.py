"""Every route says who may use it: a decorator on its endpoint, and the check that none forgot.

    @permission(Permission.READ)
    async def get_run(request: Request) -> Response: ...

A mounted application that is no router of ours (static files, a Socket.IO server) is declared the same way:
`Mount("/static", permission(Permission.PUBLIC)(StaticFiles(...)))`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from flowforge.model.credential import Permission

T = TypeVar("T")

_MARK = "__flowforge_permission__"


def permission(wanted: Permission) -> Callable[[T], T]:
    """Declare what a request needs to reach the endpoint or mounted application that this decorates."""

    def declare(endpoint: T) -> T:
        setattr(endpoint, _MARK, wanted)
        return endpoint

    return declare


def permission_of(route: object) -> Permission | None:
    """What the route's endpoint declares; for a mount, what its application declares. None where nothing is declared."""
    for target in (getattr(route, "endpoint", None), getattr(route, "app", None)):
        declared = getattr(target, _MARK, None)
        if isinstance(declared, Permission):
            return declared
    return None


def undeclared(routes: Iterable[object]) -> tuple[str, ...]:
    """The full paths of all routes, those of mounted routers included, that declare no permission."""
    return tuple(path for path, declared in _walk(routes, "") if declared is None)


def declared(routes: Iterable[object]) -> dict[str, Permission]:
    """Full path to permission of all routes that declare one."""
    return {path: wanted for path, wanted in _walk(routes, "") if wanted is not None}


def _walk(routes: Iterable[object], prefix: str) -> Iterator[tuple[str, Permission | None]]:
    for route in routes:
        included = _included(route)
        path = prefix if included else prefix + _label(route)
        wanted = permission_of(route)
        inner = included or getattr(route, "routes", None)
        if inner and wanted is None:
            yield from _walk(inner, path)
        else:
            yield path, wanted


def _included(route: object) -> list[object]:
    """FastAPI keeps an included router as one route, whose own routes bear their full paths."""
    candidates = getattr(route, "effective_candidates", None)
    if candidates is None:
        return []
    return [*candidates(), *route.effective_low_priority_routes()]  # type: ignore[attr-defined]


def _label(route: object) -> str:
    path = getattr(route, "path", None) or getattr(route, "host", None)
    return str(path) if path is not None else type(route).__name__
