"""The jobs of runs, and those of them that wait for a runner."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, insert, select, text, update

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import LIVE_ATTEMPTS, READY, attempts, jobs, runs
from flowforge.errors import NotFound
from flowforge.model.job_run import JobRun
from flowforge.model.lane import Lane
from flowforge.model.trigger import PullRequest


def _job(*, serial_group: str, serial_unit: str, **columns: Any) -> JobRun:  # noqa: ARG001  what the terms say, to be found by
    return JobRun(**columns)


SHAPE = Shape(
    jobs, _job, {"serial_group": "terms.serial_group", "serial_unit": "terms.serial_unit"}, without=("lane",)
)
_c = jobs.c

_ADD = insert(jobs)
_WHOLE = [column for column in _c if column.name != "lane"]
LISTED = [column for column in _WHOLE if column.name != "order"]
_GET = select(*_WHOLE).where(_c.id == bindparam("id"))
_OF = select(*LISTED).where(_c.run_id.in_(bindparam("run_ids", expanding=True))).order_by(_c.run_id, _c.id)
_SAVE = update(jobs).where(_c.id == bindparam("job"))
_READY = select(*LISTED).where(READY).order_by(_c.ready_at, _c.id).limit(bindparam("limit"))
_READY_IN = _READY.where(_c.lane == bindparam("in_lane"))
_RUNS = select(runs.c.id, runs.c.project_id, runs.c.pull_request).where(
    runs.c.id.in_(bindparam("run_ids", expanding=True))
)
_RUNNING = (
    select(runs.c.project_id, func.count())
    .select_from(attempts.join(runs, runs.c.id == attempts.c.run_id))
    .where(LIVE_ATTEMPTS)
    .group_by(runs.c.project_id)
)
# From one lane to the next along the index: a distinct would read every waiting job.
_LANES = text(
    f"""
    WITH RECURSIVE step(lane) AS (
        SELECT (SELECT MIN(lane) FROM jobs WHERE {READY.text})
        UNION ALL
        SELECT (SELECT MIN(lane) FROM jobs WHERE {READY.text} AND jobs.lane > step.lane)
        FROM step WHERE step.lane IS NOT NULL
    )
    SELECT lane FROM step WHERE lane IS NOT NULL
    """  # noqa: S608  no value of anybody's is in it
)


class SqlJobs:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, jobs: Sequence[JobRun]) -> None:
        if jobs:
            lanes = self._lanes(jobs)
            rows = zip(SHAPE.rows(jobs), lanes, strict=True)
            self._session.change(_ADD, [row | {"lane": lane} for row, lane in rows])

    def get(self, id: int) -> JobRun | None:
        job = SHAPE.optional(self._session.first(_GET, {"id": id}))
        if job is not None and self._session.writes:
            self._session.known["job", (job.run_id, job.key)] = job
        return job

    def of(self, run_ids: Collection[int]) -> Sequence[JobRun]:
        return SHAPE.values(self._session.all(_OF, {"run_ids": list(run_ids)}))

    def save(self, job: JobRun) -> None:
        row = SHAPE.row(job)
        del row["order"]
        row["job"] = row.pop("id")
        if self._session.change(_SAVE, row).rowcount == 0:
            raise NotFound("job", job.id)
        self._session.known["job", (job.run_id, job.key)] = job

    def ready(self, limit: int, lane: Lane | None = None) -> Sequence[JobRun]:
        statement = _READY if lane is None else _READY_IN
        if self._session.writes:
            statement = statement.with_for_update(skip_locked=True)
        wanted = {"limit": limit} if lane is None else {"limit": limit, "in_lane": lane.text()}
        return SHAPE.values(self._session.all(statement, wanted))

    def lanes(self) -> Sequence[Lane]:
        return [Lane.parse(text) for (text,) in self._session.all(_LANES)]

    def running(self) -> Mapping[int, int]:
        return dict(map(tuple, self._session.all(_RUNNING)))

    def _lanes(self, jobs: Sequence[JobRun]) -> list[str]:
        found = self._session.all(_RUNS, {"run_ids": list({job.run_id for job in jobs})})
        known = {run: tuple(facts) for run, *facts in map(tuple, found)}
        return [_lane(job, *known.get(job.run_id, (0, None))).text() for job in jobs]


def _lane(job: JobRun, project_id: int, pull_request: PullRequest | None) -> Lane:
    """Of a run that is not there the foreign key will tell."""
    return Lane.of(project_id, job.terms.labels, trusted=pull_request is None or not pull_request.fork)
