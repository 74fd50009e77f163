"""When schedules are due."""

from collections.abc import Sequence
from datetime import datetime

from flowforge.model.schedule import Timer
from flowforge.testing.store.tables import Tables, expect_owner


class MemoryTimers:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def replace(self, pipeline_id: int, timers: Sequence[Timer]) -> None:
        expect_owner(pipeline_id in self._tables.pipelines, "pipeline", pipeline_id)
        known = {t.schedule.name: t for t in self._tables.timers if t.pipeline_id == pipeline_id}
        for name in known:
            self._tables.timers.remove((pipeline_id, name))
        for timer in timers:
            old = known.get(timer.schedule.name)
            kept = old if old and old.schedule == timer.schedule else timer
            self._tables.timers.add((pipeline_id, timer.schedule.name), kept)

    def due(self, now: datetime, limit: int) -> Sequence[Timer]:
        rows = [timer for timer in self._tables.timers if timer.next_at <= now]
        return sorted(rows, key=lambda t: (t.next_at, t.pipeline_id, t.schedule.name))[:limit]

    def save(self, timer: Timer) -> None:
        key = (timer.pipeline_id, timer.schedule.name)
        if key in self._tables.timers:
            self._tables.timers.put(key, timer)

    def drop(self, timer: Timer) -> None:
        key = (timer.pipeline_id, timer.schedule.name)
        if key in self._tables.timers:
            self._tables.timers.remove(key)

    def next_at(self) -> datetime | None:
        return min((timer.next_at for timer in self._tables.timers), default=None)
