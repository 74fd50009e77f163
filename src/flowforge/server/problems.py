"""Errors as RFC 9457 problem documents: the one place that knows which error is which HTTP status."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from flowforge.errors import (
    BadInput,
    Conflict,
    FlowForgeError,
    Forbidden,
    NoRoom,
    NotFound,
    PipelineConfigError,
    ProtocolRefused,
    TooLarge,
    Unauthenticated,
    Upstream,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1.0
"""Seconds, where nobody said better."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    status: HTTPStatus
    detail: str
    more: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        value = {"type": "about:blank", "title": self.status.phrase, "status": int(self.status)}
        content = json.dumps({**value, "detail": self.detail, **self.more})
        return Response(content, self.status, dict(self.headers), MEDIA_TYPE)


def document(error: Exception) -> Document:
    """Of any error; one that nobody foresaw is logged and shows nothing of itself."""
    if isinstance(error, FlowForgeError):
        return _ours(error)
    if isinstance(error, HTTPException):
        status = HTTPStatus(error.status_code)
        return Document(
            status=status, detail=_DETAILS.get(status, status.phrase), headers=error.headers or {}
        )
    mistakes = _mistakes(error)
    if mistakes:
        return _unprocessable(mistakes)
    return _unexpected(error)


def _ours(error: FlowForgeError) -> Document:
    plain = next((status for kind, status in _PLAIN if isinstance(error, kind)), None)
    if plain is not None:
        return Document(status=plain, detail=error.message)
    match error:
        case BadInput(field=name) if name:
            return _unprocessable([(name, error.message)])
        case BadInput():
            return Document(status=HTTPStatus.BAD_REQUEST, detail=error.message)
        case Unauthenticated():
            return Document(
                status=HTTPStatus.UNAUTHORIZED, detail=error.message, headers={"WWW-Authenticate": "Bearer"}
            )
        case Upstream():
            return _unavailable(error)
        case _:
            return _unexpected(error)


_PLAIN: tuple[tuple[type[FlowForgeError], HTTPStatus], ...] = (
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (ProtocolRefused, HTTPStatus.UPGRADE_REQUIRED),
    (PipelineConfigError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
)


def _unavailable(error: Upstream) -> Document:
    log.warning("a request could not be served", error=error.message)
    seconds = str(max(1, ceil(error.retry_after or RETRY_AFTER)))
    status = HTTPStatus.INSUFFICIENT_STORAGE if isinstance(error, NoRoom) else HTTPStatus.SERVICE_UNAVAILABLE
    return Document(status=status, detail=error.message, headers={"Retry-After": seconds})


def _unexpected(error: Exception) -> Document:
    log.error("a request failed unexpectedly", exc_info=error)
    return Document(
        status=HTTPStatus.INTERNAL_SERVER_ERROR, detail="the server failed; its log says more about it"
    )


def _unprocessable(mistakes: Sequence[tuple[str, str]]) -> Document:
    (first, why), *_ = mistakes
    errors = [{"field": name, "message": message} for name, message in mistakes]
    detail = why if first in why else f"{first}: {why}"
    return Document(
        status=HTTPStatus.UNPROCESSABLE_ENTITY, detail=detail, more={"field": first, "errors": errors}
    )


def _mistakes(error: Exception) -> list[tuple[str, str]]:
    """What FastAPI's own validation found: `loc` begins with where (`body`, `query`, `path`), which names no field.
    Told by its method, because importing FastAPI costs a start of the server a third of a second."""
    found = getattr(error, "errors", None)
    listed = found() if callable(found) else ()
    return [
        (".".join(str(part) for part in mistake["loc"][1:]) or str(mistake["loc"][0]), str(mistake["msg"]))
        for mistake in listed
    ]


def unreadable_field(name: str, why: str) -> Document:
    """A delivery that lacks what it must have: not the sender's form is wrong but its content, and forges expect 400."""
    more = {"field": name} if name else {}
    return Document(status=HTTPStatus.BAD_REQUEST, detail=why, more=more)


def unsatisfiable(size: int) -> Document:
    return Document(
        status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        detail=f"the log has {size} bytes",
        headers={"Content-Range": f"bytes */{size}"},
    )


_DETAILS = {
    HTTPStatus.BAD_REQUEST: "the request cannot be read",
    HTTPStatus.NOT_FOUND: "there is nothing at this address",
    HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take this method",
}
