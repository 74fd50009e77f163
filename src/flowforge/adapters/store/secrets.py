"""Sealed secrets, and what is known of the keys that seal them."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, delete, or_, select

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import master_keys, secrets
from flowforge.adapters.store.upsert import Upsert
from flowforge.model.secret import MasterKey, Seal, Secret, SecretKind

_c = secrets.c
_SEALED = ("key", "wrapped", "box")
_SEAL = [_c.id, *(_c[name] for name in _SEALED)]
_OPEN = [column for column in _c if column.name not in _SEALED]
_SHAPE = Shape(secrets, Secret, dict.fromkeys(_SEALED, "id"))
_KEY_SHAPE = Shape(master_keys, MasterKey)
_END = 2**62

_GET = select(*_OPEN).where(_c.id == bindparam("id"))
_LIKE = (
    select(*_OPEN)
    .where(
        _c.organisation_id == bindparam("organisation"),
        _c.kind == bindparam("kind"),
        or_(
            (_c.group == "") & _c.name.in_(bindparam("names", expanding=True)),
            _c.group.in_(bindparam("groups", expanding=True)),
        ),
    )
    .order_by(_c.id)
)
_NEWEST = (
    select(*_OPEN)
    .where(_c.organisation_id == bindparam("organisation"), _c.id < bindparam("after"))
    .order_by(_c.id.desc())
    .limit(bindparam("limit"))
)
_NEWEST_OF = _NEWEST.where(_c.project_id == bindparam("project"))
_SEALS = select(*_SEAL).where(_c.id.in_(bindparam("ids", expanding=True)))
_BEHIND = select(*_OPEN).where(_c.key != bindparam("key")).order_by(_c.id).limit(bindparam("limit"))
_SAVE = Upsert(secrets)
_REMOVE = delete(secrets).where(_c.id == bindparam("id"))

_KEY = select(master_keys).where(master_keys.c.fingerprint == bindparam("fingerprint"))
_KEYS = select(master_keys).order_by(master_keys.c.version, master_keys.c.fingerprint)
_SAVE_KEY = Upsert(master_keys)


class SqlSecrets:
    def __init__(self, session: Session) -> None:
        self._session = session

    def save(self, secret: Secret, seal: Seal) -> None:
        sealed = {"key": seal.key, "wrapped": seal.wrapped, "box": seal.box}
        self._session.upsert(_SAVE, _SHAPE.row(secret) | sealed)

    def get(self, id: int) -> Secret | None:
        return _SHAPE.optional(self._session.first(_GET, {"id": id}))

    def like(
        self, organisation_id: int, kind: SecretKind, names: Collection[str], groups: Collection[str] = ()
    ) -> Sequence[Secret]:
        asked = {
            "organisation": organisation_id,
            "kind": kind,
            "names": sorted(set(names)),
            "groups": sorted(set(groups) - {""}),
        }
        return _SHAPE.values(self._session.all(_LIKE, asked))

    def newest(
        self, organisation_id: int, limit: int, *, after: int | None = None, project_id: int | None = None
    ) -> Sequence[Secret]:
        page = {
            "organisation": organisation_id,
            "limit": limit,
            "after": _END if after is None else after,
        }
        if project_id is None:
            return _SHAPE.values(self._session.all(_NEWEST, page))
        return _SHAPE.values(self._session.all(_NEWEST_OF, page | {"project": project_id}))

    def seals(self, ids: Collection[int]) -> Mapping[int, Seal]:
        rows = self._session.all(_SEALS, {"ids": sorted(set(ids))})
        return {row.id: Seal(key=row.key, wrapped=bytes(row.wrapped), box=bytes(row.box)) for row in rows}

    def behind(self, key: str, limit: int) -> Sequence[Secret]:
        return _SHAPE.values(self._session.all(_BEHIND, {"key": key, "limit": limit}))

    def remove(self, id: int) -> bool:
        return self._session.change(_REMOVE, {"id": id}).rowcount == 1


class SqlMasterKeys:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, fingerprint: str) -> MasterKey | None:
        return _KEY_SHAPE.optional(self._session.first(_KEY, {"fingerprint": fingerprint}))

    def save(self, key: MasterKey) -> None:
        self._session.upsert(_SAVE_KEY, _KEY_SHAPE.row(key))

    def all(self) -> Sequence[MasterKey]:
        return _KEY_SHAPE.values(self._session.all(_KEYS))
