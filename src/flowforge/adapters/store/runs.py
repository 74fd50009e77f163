"""Runs, their newest first."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select, update

from flowforge.adapters.store.bulk import Bulk
from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import projects, runs
from flowforge.errors import NotFound
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.model.trigger import Trigger

_TRIGGER = (
    "repository",
    "commit",
    "ref",
    "branch",
    "title",
    "author",
    "author_id",
    "before",
    "pull_request",
    "inputs",
    "caused_by",
)


def _run(**columns: Any) -> Run:
    parts = {name: columns.pop(name) for name in _TRIGGER}
    return Run(trigger=Trigger(event=columns.pop("trigger_event"), **parts), **columns)


SHAPE = Shape(runs, _run, {"trigger_event": "trigger.event"} | {name: f"trigger.{name}" for name in _TRIGGER})
_c = runs.c
_GOING = [status for status in Status if not status.terminal]
_FILTERS = {
    "after": _c.id < bindparam("after"),
    "project_id": _c.project_id == bindparam("project_id"),
    "branch": _c.branch == bindparam("branch"),
    "status": _c.status == bindparam("status"),
}

_ADD = Bulk(runs)
_GET = select(runs).where(_c.id == bindparam("id"))
_LISTED = [column for column in _c if column.name != "config_text"]
_SEEN = select(*_LISTED).where(_c.id == bindparam("id"))
_HOLD = _SEEN.with_for_update()
_SAVE = update(runs).where(_c.id == bindparam("run"))
_PLACE = func.row_number().over(partition_by=_c.project_id, order_by=_c.id).label("place")
_UNPLANNED = (
    select(_c.id, projects.c.origin, _PLACE)
    .join(projects, projects.c.id == _c.project_id)
    .where(_c.status.in_(_GOING), _c.planned_at.is_(None))
    .subquery()
)
_FIRST_UNPLANNED = (
    select(_UNPLANNED.c.id, _UNPLANNED.c.origin)
    .where(_UNPLANNED.c.place <= bindparam("each"))
    .order_by(_UNPLANNED.c.id)
)
_MANY = 1 << 62
"""More rows than a table has."""
_OPEN = select(_c.id).where(_c.status.in_(_GOING), _c.planned_at.is_not(None)).order_by(_c.id)


@cache
def _newest(filters: frozenset[str]) -> Select[Any]:
    listed = select(*_LISTED)
    wanted = (condition for name, condition in _FILTERS.items() if name in filters)
    return listed.where(*wanted).order_by(_c.id.desc()).limit(bindparam("limit"))


class SqlRuns:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, runs: Sequence[Run]) -> None:
        if runs:
            self._session.insert(_ADD, SHAPE.read(runs))
            self._session.known.update({("run", run.id): run for run in runs})

    def get(self, id: int) -> Run | None:
        return SHAPE.optional(self._session.first(_GET, {"id": id}))

    def hold(self, id: int) -> Run | None:
        session, place = self._session, ("run", id)
        if not session.writes:
            return SHAPE.optional(session.first(_SEEN, {"id": id}))
        if place not in session.known:
            session.known[place] = SHAPE.optional(session.first(_HOLD, {"id": id}))
        run: Run | None = session.known[place]
        return run

    def save(self, run: Run) -> None:
        row = SHAPE.row(run)
        row["run"] = row.pop("id")
        if not run.config_text:
            del row["config_text"]
        if self._session.change(_SAVE, row).rowcount == 0:
            raise NotFound("run", run.id)
        self._session.known["run", run.id] = run

    def newest(
        self,
        limit: int,
        *,
        after: int | None = None,
        project_id: int | None = None,
        branch: str | None = None,
        status: str | None = None,
    ) -> Sequence[Run]:
        given = {"after": after, "project_id": project_id, "branch": branch, "status": status}
        used = {name: value for name, value in given.items() if value is not None}
        rows: Sequence[Row[Any]] = self._session.all(_newest(frozenset(used)), used | {"limit": limit})
        return SHAPE.values(rows)

    def unplanned(self, each: int | None = None) -> Mapping[int, str]:
        rows = self._session.all(_FIRST_UNPLANNED, {"each": _MANY if each is None else each})
        return dict(map(tuple, rows))

    def open(self) -> Sequence[int]:
        return [row[0] for row in self._session.all(_OPEN)]
