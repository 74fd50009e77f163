"""`POST /webhook`: the one address for all forges. Raw ASGI, because pushes come in bursts."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flowforge.errors import BadInput, Unauthenticated
from flowforge.model.credential import Permission
from flowforge.model.push import Happening, Ignored, Quiet, Several, Unreadable
from flowforge.server.body import read_body
from flowforge.server.door import Door, door_of
from flowforge.server.permissions import permission
from flowforge.server.problems import unreadable_field
from flowforge.server.proof import Sent, read_proven

_ENCODER = json.JSONEncoder()
_FORM = "application/x-www-form-urlencoded"


@permission(Permission.SIGNED)
class Webhook:
    """Size, then signature over the raw bytes, then reading, then a durable record, then the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = door_of(scope)
        try:
            result, response = await self._answer(scope, receive, door)
        except Unauthenticated:
            door.meters.webhooks["unsigned"] += 1
            raise
        except Exception:
            door.meters.webhooks["failed"] += 1
            raise
        door.meters.webhooks[result] += 1
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, door: Door) -> tuple[str, Response]:
        headers = _headers(scope)
        body = await read_body(headers, receive, door.settings.webhook_max_bytes)
        payload = _payload(headers, body)
        match await read_proven(Sent(scope=scope, headers=headers, body=body, payload=payload), door):
            case Happening() as happening:
                return "queued", await _queued(door, (happening,), payload)
            case Several(parts=parts):
                return await _several(door, parts, payload)
            case Quiet(reason=reason) as quiet:
                await door.services.intake.accept(quiet, payload)
                return "ignored", _ignored(reason)
            case Ignored(reason=reason):
                return "ignored", _ignored(reason)
            case Unreadable(reason=reason, field=field):
                return "unreadable", unreadable_field(field, reason).response()


async def _several(door: Door, parts: tuple[Happening | Quiet, ...], body: bytes) -> tuple[str, Response]:
    if any(isinstance(part, Happening) for part in parts):
        return "queued", await _queued(door, parts, body)
    await _accepted(door, parts, body)
    return "ignored", _ignored(", ".join(dict.fromkeys(p.reason for p in parts if isinstance(p, Quiet))))


async def _queued(door: Door, parts: tuple[Happening | Quiet, ...], body: bytes) -> Response:
    run_ids = await _accepted(door, parts, body)
    return _json(HTTPStatus.OK, {"status": "queued", "pipeline_id": run_ids[0], "runs": run_ids})


async def _accepted(door: Door, parts: tuple[Happening | Quiet, ...], body: bytes) -> list[int]:
    """The body is kept with the first. One after the other, so that the order is the forge's."""
    run_ids: list[int] = []
    for index, part in enumerate(parts):
        receipt = await door.services.intake.accept(part, b"" if index else body)
        run_ids += receipt.run_ids
    return run_ids


def _ignored(reason: str) -> Response:
    return _json(HTTPStatus.ACCEPTED, {"status": "ignored", "reason": reason})


def _json(status: HTTPStatus, value: Mapping[str, object]) -> Response:
    return Response(_ENCODER.encode(value), status, media_type="application/json")


def _headers(scope: Scope) -> dict[str, str]:
    """A header that came more than once has its values joined, so a doubled signature matches nothing."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _payload(headers: Mapping[str, str], body: bytes) -> bytes:
    """GitHub can be set to send a form whose one field is the JSON."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        return body
    try:
        fields = parse_qs(body.decode(), max_num_fields=8)
    except ValueError:
        raise BadInput("the body is neither JSON nor a form with a field payload") from None
    payloads = fields.get("payload", ())
    return payloads[0].encode() if len(payloads) == 1 else body
