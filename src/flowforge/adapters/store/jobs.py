"""The jobs of runs, and those of them that wait for a runner."""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, insert, select, update

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import READY, jobs
from flowforge.errors import NotFound
from flowforge.model.job_run import JobRun

_SHAPE = Shape(jobs, JobRun)
_c = jobs.c

_ADD = insert(jobs)
_GET = select(jobs).where(_c.id == bindparam("id"))
_OF = (
    select(*(column for column in _c if column.name != "order"))
    .where(_c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(_c.run_id, _c.id)
)
_SAVE = update(jobs).where(_c.id == bindparam("job"))
_READY = select(jobs).where(READY).order_by(_c.ready_at, _c.id).limit(bindparam("limit"))
_READY_FOR_ME = _READY.with_for_update(skip_locked=True)


class SqlJobs:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, jobs: Sequence[JobRun]) -> None:
        if jobs:
            self._session.change(_ADD, _SHAPE.rows(jobs))

    def get(self, id: int) -> JobRun | None:
        return _SHAPE.optional(self._session.first(_GET, {"id": id}))

    def of(self, run_ids: Collection[int]) -> Sequence[JobRun]:
        return _SHAPE.values(self._session.all(_OF, {"run_ids": list(run_ids)}))

    def save(self, job: JobRun) -> None:
        row = _SHAPE.row(job)
        del row["order"]
        row["job"] = row.pop("id")
        if self._session.change(_SAVE, row).rowcount == 0:
            raise NotFound("job", job.id)

    def ready(self, limit: int) -> Sequence[JobRun]:
        statement = _READY_FOR_ME if self._session.writes else _READY
        return _SHAPE.values(self._session.all(statement, {"limit": limit}))
