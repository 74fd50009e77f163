"""Who sent a webhook, proven before anything of it counts."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Scope

from flowforge.errors import BadInput, Unauthenticated
from flowforge.forges.forge import Forge
from flowforge.forges.registry import FORGES, forge_of
from flowforge.model.push import ForgeRepository, Happening, Quiet, Reading, Several
from flowforge.server.door import Door, Unsigned
from flowforge.server.peer import peer_of

LOOKED_INTO = 4 << 20
"""Bytes of a body that is not signed with the server's secret, up to which it is read to learn whose secret it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """`body` is what was signed, `payload` the JSON in it."""

    scope: Scope
    headers: Mapping[str, str]
    body: bytes
    payload: bytes


async def read_proven(sent: Sent, door: Door) -> Reading:
    """What the forge says, once it is sure that the forge says it. A project's own secret is the only one that counts
    for it; for all others it is the server's."""
    forge = forge_of(sent.headers)
    if forge is None:
        raise _nobody(sent, door)
    if _signed(forge, door.settings.webhook_secret, sent, door):
        reading = forge.read(sent.headers, sent.payload)
        await _check_project(forge, reading, sent, door)
        return reading
    if len(sent.payload) > LOOKED_INTO:
        raise _unproven()
    own = await _own_secret(forge.repository(sent.payload), door)
    if not (_unsigned_welcome(sent, door) if own is None else _signed(forge, own, sent, door)):
        raise _unproven()
    return forge.read(sent.headers, sent.payload)


async def _check_project(forge: Forge, reading: Reading, sent: Sent, door: Door) -> None:
    """What leads to nothing has no project to be wrong about."""
    told = reading.parts[0] if isinstance(reading, Several) else reading
    if not isinstance(told, Happening | Quiet):
        return
    own = await _own_secret(told.repository, door)
    if own is not None and not _signed(forge, own, sent, door):
        raise Unauthenticated("the delivery is not signed with its project's webhook secret")


async def _own_secret(repository: ForgeRepository | None, door: Door) -> bytes | None:
    if repository is None:
        return None
    return await door.services.trust.hook_secrets.of(repository.origin, repository.native_id)


def _signed(forge: Forge, secret: bytes, sent: Sent, door: Door) -> bool:
    return forge.signature_ok(secret, sent.headers, sent.body, door.services.ground.clock.now())


def _nobody(sent: Sent, door: Door) -> Exception:
    secret = door.settings.webhook_secret
    if _unsigned_welcome(sent, door) or any(_signed(known, secret, sent, door) for known in FORGES):
        return BadInput("no header names the event, such as X-GitHub-Event: push")
    return _unproven()


def _unproven() -> Unauthenticated:
    return Unauthenticated("the delivery is not signed with this server's webhook secret")


def _unsigned_welcome(sent: Sent, door: Door) -> bool:
    """A signature that is there must be right all the same; and a browser is not a forge, whoever sent it."""
    return (
        door.settings.unsigned_webhooks is Unsigned.FROM_LOOPBACK
        and peer_of(sent.scope, ()).local
        and "origin" not in sent.headers
        and not any("signature" in name or name == "x-gitlab-token" for name in sent.headers)
    )
