"""The machines that execute jobs."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import runners
from flowforge.adapters.store.upsert import Upsert
from flowforge.model.runner import Runner

_SHAPE = Shape(runners, Runner)
_c = runners.c

_GET = select(runners).where(_c.id == bindparam("id"))
_WITH_KEY = select(runners).where(_c.key_hash == bindparam("key_hash"))
_ALL = select(runners).order_by(_c.id)
_SAVE = Upsert(runners)
_REMOVE = delete(runners).where(_c.id == bindparam("id"))


class SqlRunners:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, id: int) -> Runner | None:
        return _SHAPE.optional(self._session.first(_GET, {"id": id}))

    def with_key(self, key_hash: str) -> Runner | None:
        return _SHAPE.optional(self._session.first(_WITH_KEY, {"key_hash": key_hash}))

    def save(self, runner: Runner) -> None:
        self._session.upsert(_SAVE, _SHAPE.row(runner))

    def all(self) -> Sequence[Runner]:
        return _SHAPE.values(self._session.all(_ALL))

    def remove(self, id: int) -> None:
        self._session.change(_REMOVE, {"id": id})
