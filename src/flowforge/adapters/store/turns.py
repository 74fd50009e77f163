"""Groups of runs and of jobs that go one after the other."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select

from flowforge.adapters.store.jobs import LISTED
from flowforge.adapters.store.jobs import SHAPE as JOB_SHAPE
from flowforge.adapters.store.runs import SHAPE as RUN_SHAPE
from flowforge.adapters.store.session import Session
from flowforge.adapters.store.tables import (
    GROUPED,
    LIVE_JOBS,
    LIVE_RUNS,
    QUEUED,
    SERIAL,
    jobs,
    organisations,
    projects,
    runs,
)
from flowforge.model.job_run import JobRun
from flowforge.model.run import Gate, Run
from flowforge.model.status import Status

_r, _j = runs.c, jobs.c

_PROJECT = select(projects.c.id).where(projects.c.id == bindparam("project")).with_for_update()
_ORGANISATION = (
    select(organisations.c.id).where(organisations.c.id == bindparam("organisation")).with_for_update()
)
_IN_GROUP = (_r.project_id == bindparam("project"), _r.group == bindparam("group"), GROUPED)
_RUNS = (
    select(*(column for column in _r if column.name != "config_text"))
    .where(*_IN_GROUP, LIVE_RUNS, _r.planned_at.is_not(None), _r.gate != Gate.APPROVAL)
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
        SERIAL,
        LIVE_JOBS,
        or_(_j.ready_at.is_not(None), _j.serial_unit != ""),
        _r.organisation_id == bindparam("organisation"),
    )
)
# Found by their runs: of what is over a group has the more the longer it is used.
_OVER = select(*LISTED).where(
    _j.run_id.in_(bindparam("run_ids", expanding=True)),
    _j.serial_group == bindparam("serial"),
    _j.serial_unit != "",
    _j.status.in_([status for status in Status if status.terminal]),
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
        live = JOB_SHAPE.values(self._session.all(_JOBS, wanted))
        line = [*live, *self._over(live, serial_group)]
        return sorted(line, key=lambda job: (job.ready_at or job.created_at, job.id))

    def _over(self, live: Sequence[JobRun], serial_group: str) -> Sequence[JobRun]:
        run_ids = sorted({job.run_id for job in live if job.terms.serial_unit})
        if not run_ids:
            return ()
        return JOB_SHAPE.values(self._session.all(_OVER, {"run_ids": run_ids, "serial": serial_group}))

    def due(self, now: datetime, limit: int) -> Sequence[JobRun]:
        return JOB_SHAPE.values(self._session.all(_DUE, {"now": now, "limit": limit}))

    def _hold_project(self, project_id: int) -> None:
        if self._session.writes:
            self._session.first(_PROJECT, {"project": project_id})
