"""Webhooks as they arrived, each sending and each happening once."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import bindparam, insert, or_, select

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import deliveries
from flowforge.model.delivery import Delivery

_SHAPE = Shape(deliveries, Delivery)
_c = deliveries.c

_ADD = insert(deliveries)
_GET = select(deliveries).where(_c.id == bindparam("id"))
_KNOWN = select(deliveries).where(
    or_(
        _c.delivery_key.in_(bindparam("keys", expanding=True)),
        _c.event_key.in_(bindparam("keys", expanding=True)),
    )
)

_PORTION = 1_000
"""Of keys in one statement; SQLite takes 32,766 parameters, and each key is two."""


class SqlDeliveries:
    def __init__(self, session: Session) -> None:
        self._session = session

    def known(self, keys: Collection[str]) -> Mapping[str, Delivery]:
        wanted = frozenset(keys)
        found = [d for some in _portions(sorted(wanted)) for d in self._having(some)]
        by_event = {d.event_key: d for d in found if d.event_key in wanted}
        return by_event | {d.delivery_key: d for d in found if d.delivery_key in wanted}

    def add(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            self._session.change(_ADD, _SHAPE.rows(deliveries))

    def _having(self, keys: Sequence[str]) -> Sequence[Delivery]:
        return _SHAPE.values(self._session.all(_KNOWN, {"keys": keys}))

    def get(self, id: int) -> Delivery | None:
        return _SHAPE.optional(self._session.first(_GET, {"id": id}))


def _portions(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _PORTION] for start in range(0, len(keys), _PORTION))
