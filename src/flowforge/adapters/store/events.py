"""The stream of what became true."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from flowforge.adapters.store.bulk import Bulk
from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import cursors, events, meta
from flowforge.adapters.store.upsert import Upsert
from flowforge.model.event import Event, NewEvent

_SHAPE = Shape(events, Event)
_c = events.c

_ADD = Bulk(events, ready=("detail",))
_SINCE = select(events).where(_c.id > bindparam("id")).order_by(_c.id).limit(bindparam("limit"))
_CURSOR = select(cursors.c.event_id).where(cursors.c.reader == bindparam("reader"))
_MOVE = Upsert(cursors)
_EPOCH = select(meta.c.value).where(meta.c.name == "epoch")


class SqlEvents:
    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, events: Iterable[NewEvent]) -> None:
        new = list(events)
        ids = self._session.take("events", len(new))
        self._session.events += [_row(taken, event) for taken, event in zip(ids, new, strict=True)]

    def since(self, id: int, limit: int) -> Sequence[Event]:
        insert_waiting(self._session)
        return _SHAPE.values(self._session.all(_SINCE, {"id": id, "limit": limit}))

    def last(self) -> int:
        return self._session.last("events")

    def cursor(self, reader: str) -> int:
        return self._session.scalar(_CURSOR, {"reader": reader}) or 0

    def move(self, reader: str, id: int) -> None:
        self._session.upsert(_MOVE, {"reader": reader, "event_id": id})

    def epoch(self) -> str:
        return str(self._session.scalar(_EPOCH))


def insert_waiting(session: Session) -> None:
    """Put the appended events of a transaction into their table, all at once."""
    if session.events:
        session.insert(_ADD, session.events)
        session.events = []


def _row(id: int, event: NewEvent) -> tuple[Any, ...]:
    """In the order of the columns. The detail is written out here, where a value that cannot be is the appending
    function's own fault."""
    return (
        id,
        event.organisation_id,
        event.kind,
        event.run_id,
        event.job_id,
        event.status,
        event.at,
        json.dumps(dict(event.detail), separators=(",", ":")),
    )
