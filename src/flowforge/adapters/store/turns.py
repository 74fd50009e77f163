"""Groups of runs and of jobs that go one after the other."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, func, or_, select

from flowforge.adapters.store.jobs import LISTED
from flowforge.adapters.store.jobs import SHAPE as JOB_SHAPE
from flowforge.adapters.store.runs import SHAPE as RUN_SHAPE
from flowforge.adapters.store.session import Session
from flowforge.adapters.store.tables import QUEUED, jobs, organisations, projects, runs
from flowforge.model.job_run import JobRun
from flowforge.model.run import Gate, Run
from flowforge.model.status import Status

_GOING = [status for status in Status if not status.terminal]
_r, _j = runs.c, jobs.c

_PROJECT = select(projects.c.id).where(projects.c.id == bindparam("project")).with_for_update()
_ORGANISATION = (
    select(organisations.c.id).where(organisations.c.id == bindparam("organisation")).with_for_update()
)
_IN_GROUP = (_r.project_id == bindparam("project"), _r.group == bindparam("group"), _r.group != "")
_RUNS = (
    select(*(column for column in _r if column.name != "config_text"))
    .where(*_IN_GROUP, _r.status.in_(_GOING), _r.planned_at.is_not(None), _r.gate != Gate.APPROVAL)
    .order_by(_r.id)
)
_NEWEST = select(func.max(_r.id)).where(
    *_IN_GROUP, _r.planned_at.is_not(None), _r.gate != Gate.APPROVAL, _r.status != Status.SKIPPED
)
_JOBS = (
    select(*LISTED)
    .join(runs, _r.id == _j.run_id)
    .where(
        _j.serial_group == bindparam("serial"),
        _j.serial_group != "",
        or_(
            and_(_j.status.in_(_GOING), _j.ready_at.is_not(None)),
            and_(_j.serial_unit != "", _r.status.in_(_GOING)),
        ),
        _r.organisation_id == bindparam("organisation"),
    )
    .order_by(_j.ready_at, _j.id)
)
_DUE = (
    select(*LISTED)
    .where(QUEUED, _j.attempt > 0, _j.ready_at <= bindparam("now"))
    .order_by(_j.ready_at, _j.id)
    .limit(bindparam("limit"))
)


class SqlTurns:
    """A group is held by the row above it: the project's for its runs, the organisation's for jobs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def runs(self, project_id: int, group: str) -> Sequence[Run]:
        self._hold_project(project_id)
        return RUN_SHAPE.values(self._session.all(_RUNS, {"project": project_id, "group": group}))

    def newest_run(self, project_id: int, group: str) -> int:
        self._hold_project(project_id)
        return int(self._session.scalar(_NEWEST, {"project": project_id, "group": group}) or 0)

    def jobs(self, organisation_id: int, serial_group: str) -> Sequence[JobRun]:
        if self._session.writes:
            self._session.first(_ORGANISATION, {"organisation": organisation_id})
        wanted = {"organisation": organisation_id, "serial": serial_group}
        return JOB_SHAPE.values(self._session.all(_JOBS, wanted))

    def due(self, now: datetime, limit: int) -> Sequence[JobRun]:
        return JOB_SHAPE.values(self._session.all(_DUE, {"now": now, "limit": limit}))

    def _hold_project(self, project_id: int) -> None:
        if self._session.writes:
            self._session.first(_PROJECT, {"project": project_id})
