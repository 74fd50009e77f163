"""Who may do what: credentials, their roles, and the permissions a route can ask for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Permission(StrEnum):
    """What a route declares. `PUBLIC` needs no credential; `SIGNED` proves itself by its own signature: a
    delivery's, or a capability's. `RUNNER` needs a runner's own key, which no person's role stands in for."""

    PUBLIC = "public"
    SIGNED = "signed"
    RUNNER = "runner"
    READ = "read"
    OPERATE = "operate"
    MAINTAIN = "maintain"
    ADMINISTER = "administer"


class Role(StrEnum):
    VIEWER = "viewer"
    DEVELOPER = "developer"
    MAINTAINER = "maintainer"
    ADMIN = "admin"

    def may(self, permission: Permission) -> bool:
        return permission in _GRANTS[self]


_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.DEVELOPER: frozenset({Permission.READ, Permission.OPERATE}),
    Role.MAINTAINER: frozenset({Permission.READ, Permission.OPERATE, Permission.MAINTAIN}),
    Role.ADMIN: frozenset({Permission.READ, Permission.OPERATE, Permission.MAINTAIN, Permission.ADMINISTER}),
}


class CredentialKind(StrEnum):
    """Kinds cannot stand in for each other; each has a prefix of its own in the secret."""

    LOCAL = "local"
    LINK = "link"
    SESSION = "session"
    REGISTRATION = "registration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """`hash` is the SHA-256 of the secret, which is stored nowhere. `target` is where a one-time link leads,
    the runner that a registration token is for, or the server that a local token belongs to."""

    hash: str
    kind: CredentialKind
    organisation_id: int
    role: Role
    name: str
    target: str = ""
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever stands behind a request."""

    name: str
    role: Role
    organisation_id: int
    kind: CredentialKind
