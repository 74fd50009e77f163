"""Credentials by the digest of their secret."""

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import credentials
from flowforge.model.credential import Credential, CredentialKind

_SHAPE = Shape(credentials, Credential)
_c = credentials.c

_ADD = insert(credentials)
_FIND = select(credentials).where(_c.hash == bindparam("hash"), _c.kind == bindparam("kind"))
_REMOVE = delete(credentials).where(_c.hash == bindparam("hash"))
_REMOVE_KIND = delete(credentials).where(_c.kind == bindparam("kind"), _c.target == bindparam("target"))
_PRUNE = delete(credentials).where(_c.expires_at < bindparam("now"))


class SqlCredentials:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, credential: Credential) -> None:
        self._session.change(_ADD, _SHAPE.row(credential))

    def find(self, hash: str, kind: CredentialKind) -> Credential | None:
        return _SHAPE.optional(self._session.first(_FIND, {"hash": hash, "kind": kind}))

    def remove(self, hash: str) -> bool:
        return self._session.change(_REMOVE, {"hash": hash}).rowcount == 1

    def remove_kind(self, kind: CredentialKind, target: str) -> None:
        self._session.change(_REMOVE_KIND, {"kind": kind, "target": target})

    def prune(self, now: datetime) -> int:
        return self._session.change(_PRUNE, {"now": now}).rowcount
