"""Webhooks as they arrived, each sending and each happening once."""

from collections.abc import Collection, Mapping, Sequence

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


class SqlDeliveries:
    def __init__(self, session: Session) -> None:
        self._session = session

    def known(self, keys: Collection[str]) -> Mapping[str, Delivery]:
        rows = _SHAPE.values(self._session.all(_KNOWN, {"keys": list(keys)}))
        by_event = {d.event_key: d for d in rows if d.event_key in keys}
        return by_event | {d.delivery_key: d for d in rows if d.delivery_key in keys}

    def add(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            self._session.change(_ADD, _SHAPE.rows(deliveries))

    def get(self, id: int) -> Delivery | None:
        return _SHAPE.optional(self._session.first(_GET, {"id": id}))
