"""`POST /webhook`: the one address for all forges. Raw ASGI, because pushes come in bursts."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flowforge.errors import BadInput, Unauthenticated
from flowforge.forges.forge import Forge
from flowforge.forges.registry import FORGES, forge_of
from flowforge.model.credential import Permission
from flowforge.model.push import Happening, Ignored, Unreadable
from flowforge.server.body import read_body
from flowforge.server.door import Door, Unsigned, door_of
from flowforge.server.peer import peer_of
from flowforge.server.permissions import permission
from flowforge.server.problems import unreadable_field

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
        forge = _genuine(scope, headers, body, door)
        payload = _payload(headers, body)
        match forge.read(headers, payload):
            case Happening() as happening:
                return "queued", await _queued(door, happening, payload)
            case Ignored(reason=reason):
                return "ignored", _json(HTTPStatus.ACCEPTED, {"status": "ignored", "reason": reason})
            case Unreadable(reason=reason, field=field):
                return "unreadable", unreadable_field(field, reason).response()


async def _queued(door: Door, happening: Happening, payload: bytes) -> Response:
    receipt = await door.services.intake.accept(happening, payload)
    first, *_ = receipt.run_ids
    return _json(HTTPStatus.OK, {"status": "queued", "pipeline_id": first, "runs": list(receipt.run_ids)})


def _json(status: HTTPStatus, value: Mapping[str, object]) -> Response:
    return Response(json.dumps(value), status, media_type="application/json")


def _headers(scope: Scope) -> dict[str, str]:
    """A header that came more than once has its values joined, so a doubled signature matches nothing."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _genuine(scope: Scope, headers: Mapping[str, str], body: bytes, door: Door) -> Forge:
    """The forge that sent this, or an error: what is not signed is not even read."""
    secret = door.settings.webhook_secret
    forge = forge_of(headers)
    if forge is not None and forge.signature_ok(secret, headers, body):
        return forge
    unsigned = _unsigned_welcome(scope, headers, door)
    if forge is not None and unsigned:
        return forge
    if forge is None and (unsigned or any(known.signature_ok(secret, headers, body) for known in FORGES)):
        raise BadInput("no header names the event, such as X-GitHub-Event: push")
    raise Unauthenticated("the delivery is not signed with this server's webhook secret")


def _unsigned_welcome(scope: Scope, headers: Mapping[str, str], door: Door) -> bool:
    """A signature that is there must be right all the same; and a browser is not a forge, whoever sent it."""
    return (
        door.settings.unsigned_webhooks is Unsigned.FROM_LOOPBACK
        and peer_of(scope, ()).local
        and "origin" not in headers
        and not any("signature" in name for name in headers)
    )


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
