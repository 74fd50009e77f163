"""The stream of what became true."""

import json
from collections.abc import Iterable, Sequence

from flowforge.model.event import Event, NewEvent
from flowforge.testing.store.tables import Tables


class MemoryEvents:
    def __init__(self, tables: Tables, epoch: str) -> None:
        self._tables = tables
        self._epoch = epoch

    def append(self, events: Iterable[NewEvent]) -> None:
        for new in events:
            (taken,) = self._tables.take("events", 1)
            event = Event(
                id=taken,
                organisation_id=new.organisation_id,
                kind=new.kind,
                run_id=new.run_id,
                job_id=new.job_id,
                status=new.status,
                at=new.at,
                detail=json.loads(json.dumps(dict(new.detail))),
            )
            self._tables.events.add(taken, event)

    def since(self, id: int, limit: int) -> Sequence[Event]:
        ids = range(id + 1, min(self.last(), id + limit) + 1)
        found = (self._tables.events.get(n) for n in ids)
        return [event for event in found if event is not None]

    def last(self) -> int:
        return self._tables.counters.get("events") or 0

    def cursor(self, reader: str) -> int:
        return self._tables.cursors.get(reader) or 0

    def move(self, reader: str, id: int) -> None:
        self._tables.cursors.put(reader, id)

    def epoch(self) -> str:
        return self._epoch
