"""What every request needs: the services, what the server was told, and how it stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import cast

from starlette.types import Scope

from flowforge.ports import Bell, Clock, HookSecrets, Logs, Store
from flowforge.server.closing import Closing
from flowforge.server.meters import Meters
from flowforge.services.access import Access
from flowforge.services.browse import Browse
from flowforge.services.control import Control
from flowforge.services.hook_secrets import ServerWide
from flowforge.services.intake import Intake
from flowforge.services.links import Links
from flowforge.services.reception import Reception
from flowforge.services.runners import Runners
from flowforge.services.secrets import Secrets

DOOR = "flowforge.door"
"""Key of the scope."""


class Unsigned(Enum):
    """What becomes of a webhook without a signature."""

    REFUSED = auto()
    FROM_LOOPBACK = auto()
    """Taken from a loopback peer that sends no forwarding headers: for trying things out on one machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the services stand on, for what needs no service of its own: reading events and logs."""

    store: Store
    logs: Logs
    bell: Bell
    clock: Clock
    scarce: Callable[[], str] = lambda: ""
    """Why the disk has too little room, or an empty text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who may come in, and what is kept from everybody."""

    access: Access
    secrets: Secrets
    hook_secrets: HookSecrets = field(default_factory=ServerWide)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    intake: Intake
    control: Control
    browse: Browse
    runners: Runners
    trust: Trust
    ground: Ground

    @property
    def access(self) -> Access:
        return self.trust.access

    @property
    def secrets(self) -> Secrets:
        return self.trust.secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """`public_url` has no slash at its end. `trusted_proxies` are addresses and networks."""

    version: str
    public_url: str
    webhook_secret: bytes = field(repr=False)
    webhook_max_bytes: int = 25 * 1024 * 1024
    unsigned_webhooks: Unsigned = Unsigned.REFUSED
    trusted_proxies: tuple[str, ...] = ()

    @property
    def links(self) -> Links:
        return Links(self.public_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    services: Services
    settings: DoorSettings
    reception: Reception
    closing: Closing = field(default_factory=Closing)
    meters: Meters = field(default_factory=Meters)


def door_of(scope: Scope | Mapping[str, object]) -> Door:
    return cast("Door", scope[DOOR])
