"""Tries at jobs, and who holds them."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import LIVE, attempts
from flowforge.errors import NotFound
from flowforge.model.attempt import Attempt, AttemptKey


def _attempt(*, job_id: int, number: int, run_id: int, **columns: Any) -> Attempt:
    return Attempt(key=AttemptKey(run=run_id, job=job_id, number=number), **columns)


_SHAPE = Shape(attempts, _attempt, {"job_id": "key.job", "number": "key.number", "run_id": "key.run"})
_c = attempts.c

_ADD = insert(attempts)
_ONE = (_c.job_id == bindparam("job"), _c.number == bindparam("attempt"), _c.run_id == bindparam("run"))
_GET = select(attempts).where(*_ONE)
_SAVE = update(attempts).where(*_ONE)
_OF = select(attempts).where(_c.job_id.in_(bindparam("jobs", expanding=True))).order_by(_c.job_id, _c.number)
_CLAIMED = select(attempts).where(_c.runner_id == bindparam("runner"), _c.token == bindparam("given"))
_LIVE = select(attempts).where(LIVE).order_by(_c.run_id, _c.job_id, _c.number)
_LIVE_OF = _LIVE.where(_c.runner_id == bindparam("runner"))
_BEAT = update(attempts).where(*_ONE, LIVE).values(beat=_c.beat + 1)


class SqlAttempts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, attempt: Attempt) -> None:
        self._session.change(_ADD, _SHAPE.row(attempt))

    def get(self, key: AttemptKey) -> Attempt | None:
        return _SHAPE.optional(self._session.first(_GET, _key(key)))

    def save(self, attempt: Attempt) -> None:
        row = _SHAPE.row(attempt)
        del row["job_id"], row["number"], row["run_id"]
        if self._session.change(_SAVE, row | _key(attempt.key)).rowcount == 0:
            raise NotFound("attempt", attempt.key)

    def of(self, *job_ids: int) -> Sequence[Attempt]:
        return _SHAPE.values(self._session.all(_OF, {"jobs": list(job_ids)}))

    def claimed(self, runner_id: int, token: str) -> Attempt | None:
        return _SHAPE.optional(self._session.first(_CLAIMED, {"runner": runner_id, "given": token}))

    def live(self, runner_id: int | None = None) -> Sequence[Attempt]:
        if runner_id is None:
            return _SHAPE.values(self._session.all(_LIVE))
        return _SHAPE.values(self._session.all(_LIVE_OF, {"runner": runner_id}))

    def beat(self, keys: Collection[AttemptKey]) -> None:
        if keys:
            self._session.change(_BEAT, [_key(key) for key in keys])


def _key(key: AttemptKey) -> dict[str, int]:
    return {"job": key.job, "attempt": key.number, "run": key.run}
