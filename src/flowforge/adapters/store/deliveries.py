"""Webhooks as they arrived, each sending once, and what each place knows last."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import bindparam, select

from flowforge.adapters.store.bulk import Bulk
from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import deliveries, tips
from flowforge.adapters.store.upsert import Upsert
from flowforge.model.delivery import Delivery, Tip

_SHAPE = Shape(deliveries, Delivery)
_TIP = Shape(tips, Tip)
_c = deliveries.c

_ADD = Bulk(deliveries)
_GET = select(deliveries).where(_c.id == bindparam("id"))
_SINCE = select(deliveries).where(_c.id > bindparam("id")).order_by(_c.id).limit(bindparam("limit"))
_KNOWN = select(_c.delivery_key, _c.run_ids).where(_c.delivery_key.in_(bindparam("keys", expanding=True)))
_TIPS = select(tips).where(tips.c.place.in_(bindparam("places", expanding=True)))
_MOVE_TIPS = Upsert(tips)

_PORTION = 1_000
"""Of keys in one statement; SQLite takes 32,766 parameters."""


class SqlDeliveries:
    def __init__(self, session: Session) -> None:
        self._session = session

    def known(self, keys: Collection[str]) -> Mapping[str, Sequence[int]]:
        portions = (self._session.all(_KNOWN, {"keys": some}) for some in _portions(sorted(set(keys))))
        return {row.delivery_key: row.run_ids for rows in portions for row in rows}

    def tips(self, places: Collection[str]) -> Mapping[str, Tip]:
        portions = (self._session.all(_TIPS, {"places": some}) for some in _portions(sorted(set(places))))
        return {row[0]: _TIP.value(row) for rows in portions for row in rows}

    def add(self, deliveries: Sequence[Delivery]) -> None:
        if not deliveries:
            return
        self._session.insert(_ADD, _SHAPE.read(deliveries))
        moved = {each.place: _tip(each) for each in deliveries}
        self._session.upsert(_MOVE_TIPS, [_TIP.row(moved[place]) for place in sorted(moved)])

    def get(self, id: int) -> Delivery | None:
        return _SHAPE.optional(self._session.first(_GET, {"id": id}))

    def since(self, id: int, limit: int) -> Sequence[Delivery]:
        return _SHAPE.values(self._session.all(_SINCE, {"id": id, "limit": limit}))


def _tip(delivery: Delivery) -> Tip:
    return Tip(place=delivery.place, event_key=delivery.event_key, run_ids=delivery.run_ids)


def _portions(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _PORTION] for start in range(0, len(keys), _PORTION))
