"""The steps of attempts."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import steps
from flowforge.adapters.store.upsert import Upsert
from flowforge.model.attempt import AttemptKey
from flowforge.model.step_run import StepRun


def _step(*, job_id: int, number: int, run_id: int, position: int, **columns: Any) -> StepRun:
    return StepRun(attempt=AttemptKey(run=run_id, job=job_id, number=number), index=position, **columns)


_PATHS = {"job_id": "attempt.job", "number": "attempt.number", "run_id": "attempt.run", "position": "index"}
_SHAPE = Shape(steps, _step, _PATHS)
_c = steps.c

_SAVE = Upsert(steps)
_OF = (
    select(steps)
    .where(_c.job_id.in_(bindparam("jobs", expanding=True)))
    .order_by(_c.run_id, _c.job_id, _c.number, _c.position)
)


class SqlSteps:
    def __init__(self, session: Session) -> None:
        self._session = session

    def save(self, steps: Sequence[StepRun]) -> None:
        if steps:
            self._session.upsert(_SAVE, _SHAPE.rows(steps))

    def of(self, attempts: Collection[AttemptKey]) -> Sequence[StepRun]:
        """A job has few attempts: those not asked for are cheaper to drop here than to keep out by pairs."""
        rows = self._session.all(_OF, {"jobs": sorted({key.job for key in attempts})})
        wanted = frozenset(attempts)
        return [step for step in _SHAPE.values(rows) if step.attempt in wanted]
