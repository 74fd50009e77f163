"""When the schedules of pipelines are due."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import timers
from flowforge.model.schedule import Timer


def _timer(name: str, **columns: Any) -> Timer:
    del name  # the schedule's own
    return Timer(**columns)


_SHAPE = Shape(timers, _timer, {"name": "schedule.name"})
_c = timers.c

_OF = select(timers).where(_c.pipeline_id == bindparam("pipeline"))
_FORGET = delete(timers).where(_c.pipeline_id == bindparam("pipeline"))
_ADD = insert(timers)
_SAVE = update(timers).where(_c.pipeline_id == bindparam("pipeline"), _c.name == bindparam("named"))
_DROP = delete(timers).where(_c.pipeline_id == bindparam("pipeline"), _c.name == bindparam("named"))
_DUE = (
    select(timers)
    .where(_c.next_at <= bindparam("now"))
    .order_by(_c.next_at, _c.pipeline_id, _c.name)
    .limit(bindparam("limit"))
)
_DUE_FOR_ME = _DUE.with_for_update(skip_locked=True)
_NEXT = select(func.min(_c.next_at))


def _kept(known: Timer | None, timer: Timer) -> Timer:
    return known if known and known.schedule == timer.schedule else timer


class SqlTimers:
    def __init__(self, session: Session) -> None:
        self._session = session

    def replace(self, pipeline_id: int, timers: Sequence[Timer]) -> None:
        pipeline = {"pipeline": pipeline_id}
        known = {timer.schedule.name: timer for timer in _SHAPE.values(self._session.all(_OF, pipeline))}
        wanted = [_kept(known.get(timer.schedule.name), timer) for timer in timers]
        self._session.change(_FORGET, pipeline)
        if wanted:
            self._session.change(_ADD, _SHAPE.rows(wanted))

    def due(self, now: datetime, limit: int) -> Sequence[Timer]:
        statement = _DUE_FOR_ME if self._session.writes else _DUE
        return _SHAPE.values(self._session.all(statement, {"now": now, "limit": limit}))

    def save(self, timer: Timer) -> None:
        row = _SHAPE.row(timer)
        row["pipeline"], row["named"] = row.pop("pipeline_id"), row.pop("name")
        self._session.change(_SAVE, row)

    def drop(self, timer: Timer) -> None:
        self._session.change(_DROP, {"pipeline": timer.pipeline_id, "named": timer.schedule.name})

    def next_at(self) -> datetime | None:
        earliest: datetime | None = self._session.scalar(_NEXT)
        return earliest
