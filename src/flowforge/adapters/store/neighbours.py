"""The jobs of a run that bear on one of them."""

import json
from collections.abc import Collection, Sequence

from sqlalchemy import Text, bindparam, select, type_coerce

from flowforge.adapters.store.jobs import LISTED, SHAPE
from flowforge.adapters.store.session import Session
from flowforge.adapters.store.tables import LIVE, jobs
from flowforge.model.job_run import JobRun, Standing
from flowforge.model.status import Status

_c = jobs.c
_LISTED = select(*LISTED)
_OF_RUN = _c.run_id == bindparam("run")

_JOB = _LISTED.where(_OF_RUN, _c.key == bindparam("key"))
_BLOCKED_BY = _LISTED.where(
    _OF_RUN,
    _c.status == Status.PENDING,
    ~_c.ready,
    _c.ready_at.is_(None),
    type_coerce(_c.needs, Text).like(bindparam("needle"), escape="!"),
).order_by(_c.id)
_OPEN = select(_c.key).where(_OF_RUN, LIVE)
_STANDINGS = (
    select(_c.status, _c.ready, _c.stopping, _c.ready_at.is_not(None))
    .distinct()
    .where(_OF_RUN, LIVE, _c.key != bindparam("key"))
)


class SqlNeighbours:
    def __init__(self, session: Session) -> None:
        self._session = session

    def job(self, run_id: int, key: str) -> JobRun | None:
        known: JobRun | None = self._session.known.get(("job", (run_id, key)))
        return known or SHAPE.optional(self._session.first(_JOB, {"run": run_id, "key": key}))

    def blocked_by(self, run_id: int, key: str) -> Sequence[JobRun]:
        # SQLite compares without regard to case: what is found is looked at again.
        found = self._session.all(_BLOCKED_BY, {"run": run_id, "needle": _needle(key)})
        return [job for job in SHAPE.values(found) if key in job.needs]

    def open(self, run_id: int) -> Collection[str]:
        return {row[0] for row in self._session.all(_OPEN, {"run": run_id})}

    def standings(self, run_id: int, key: str) -> Collection[Standing]:
        found = self._session.all(_STANDINGS, {"run": run_id, "key": key})
        return {Standing._make(tuple(row)) for row in found}


def _needle(key: str) -> str:
    """The key as it stands in the column's JSON, as a pattern."""
    written = json.dumps(key)
    for sign in "!%_":
        written = written.replace(sign, f"!{sign}")
    return f"%{written}%"
