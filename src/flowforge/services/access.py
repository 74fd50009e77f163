"""Who is asking: credentials made, recognised, redeemed and ended."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from flowforge.errors import Unauthenticated
from flowforge.model.credential import Credential, CredentialKind, Principal, Role
from flowforge.model.project import DEFAULT_ORGANISATION
from flowforge.ports import Clock, Store, Tx

PREFIXES = {CredentialKind.LOCAL: "ffl_", CredentialKind.LINK: "ffo_", CredentialKind.SESSION: "ffs_"}
LINK_LIVES = timedelta(minutes=30)
SESSION_LIVES = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Access:
    store: Store
    clock: Clock

    async def link(self, target: str) -> str:
        """The secret of a one-time link that signs in as an admin and leads to `target`, a path of ours."""
        return await self._mint(CredentialKind.LINK, "one-time link", LINK_LIVES, target)

    async def local_token(self, instance: str = "") -> str:
        """A new admin token for the command line on the machine of the server whose data folder this is; those of its
        earlier starts end, those of other servers on the same database stay."""
        secret, now = _secret(CredentialKind.LOCAL), self.clock.now()
        credential = _credential(secret, CredentialKind.LOCAL, "local command line", now, None, instance)
        await self.store.write(lambda tx: replace_local(tx, credential))
        return secret

    async def redeem(self, secret: str) -> tuple[str, str]:
        """A one-time link against a session: the session's secret and the path to go to. Works once."""
        now = self.clock.now()
        session = _secret(CredentialKind.SESSION)
        target = await self.store.write(lambda tx: redeem(tx, secret, session, now), urgent=True)
        if target is None:
            raise Unauthenticated(
                "this link was used already or has expired: ask for a new one with `flowforge link`"
            )
        return session, target

    async def identify(self, secret: str) -> Principal:
        """Whose secret this is. Kinds are told apart by their prefix, so none can stand in for another."""
        kind = next((kind for kind, prefix in PREFIXES.items() if secret.startswith(prefix)), None)
        if kind is None or kind is CredentialKind.LINK:
            raise Unauthenticated("the token is not one of ours")
        found = await self.store.read(lambda tx: tx.credentials.find(_hash(secret), kind))
        if found is None or _expired(found, self.clock.now()):
            raise Unauthenticated("the token is unknown or has expired")
        return Principal(
            name=found.name, role=found.role, organisation_id=found.organisation_id, kind=found.kind
        )

    async def sign_out(self, secret: str) -> None:
        await self.store.write(lambda tx: tx.credentials.remove(_hash(secret)))

    async def _mint(self, kind: CredentialKind, name: str, lives: timedelta, target: str) -> str:
        secret, now = _secret(kind), self.clock.now()
        credential = _credential(secret, kind, name, now, now + lives, target)
        await self.store.write(lambda tx: add(tx, credential, now))
        return secret


def add(tx: Tx, credential: Credential, now: datetime) -> None:
    tx.credentials.prune(now)
    tx.credentials.add(credential)


def replace_local(tx: Tx, credential: Credential) -> None:
    tx.credentials.remove_kind(CredentialKind.LOCAL, credential.target)
    tx.credentials.add(credential)


def redeem(tx: Tx, secret: str, session: str, now: datetime) -> str | None:
    link = tx.credentials.find(_hash(secret), CredentialKind.LINK)
    if link is None or _expired(link, now) or not tx.credentials.remove(link.hash):
        return None
    tx.credentials.add(
        _credential(session, CredentialKind.SESSION, "browser session", now, now + SESSION_LIVES, "")
    )
    return link.target


def _secret(kind: CredentialKind) -> str:
    return PREFIXES[kind] + secrets.token_urlsafe(32)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _expired(credential: Credential, now: datetime) -> bool:
    return credential.expires_at is not None and credential.expires_at <= now


def _credential(
    secret: str, kind: CredentialKind, name: str, now: datetime, expires: datetime | None, target: str
) -> Credential:
    return Credential(
        hash=_hash(secret),
        kind=kind,
        organisation_id=DEFAULT_ORGANISATION,
        role=Role.ADMIN,
        name=name,
        target=target,
        created_at=now,
        expires_at=expires,
    )
