"""Commit statuses that the forges do not show yet."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, or_, select

from flowforge.adapters.store.session import Session
from flowforge.adapters.store.shape import Shape
from flowforge.adapters.store.tables import OWED, SENDING, status_debts
from flowforge.adapters.store.upsert import Upsert
from flowforge.model.commit_status import StatusDebt


def _debt(**columns: Any) -> StatusDebt:
    del columns["place"], columns["subject"]
    return StatusDebt(**columns)


_SHAPE = Shape(status_debts, _debt, {"place": "status.place", "subject": "status.subject"})
_c = status_debts.c

_GET = select(status_debts).where(_c.run_id == bindparam("run_id"))
_SAVE = Upsert(status_debts)
_DUE = (
    select(status_debts)
    .where(OWED, _c.place == bindparam("place"), _c.next_try_at <= bindparam("now"))
    .order_by(_c.next_try_at, _c.run_id)
    .limit(bindparam("limit"))
)
_PLACES = select(_c.place).where(OWED, _c.next_try_at <= bindparam("now")).distinct().order_by(_c.place)
_CLAIMED = select(status_debts).where(OWED, _c.claimed_by == bindparam("by")).order_by(_c.run_id)
_NEWER = (
    select(status_debts)
    .where(
        _c.subject == bindparam("subject"),
        _c.run_id > bindparam("run_id"),
        or_(_c.delivered > 0, _c.given_up_at.is_(None)),
    )
    .order_by(_c.run_id.desc())
    .limit(1)
)
_SENDING = (
    select(status_debts)
    .where(
        _c.subject == bindparam("subject"),
        _c.run_id < bindparam("run_id"),
        SENDING,
        _c.claimed_until > bindparam("now"),
    )
    .order_by(_c.run_id.desc())
    .limit(1)
)
_NEXT = select(func.min(_c.next_try_at)).where(OWED, _c.place.not_in(bindparam("beside", expanding=True)))


class SqlDebts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, run_id: int) -> StatusDebt | None:
        return _SHAPE.optional(self._session.first(_GET, {"run_id": run_id}))

    def save(self, debt: StatusDebt) -> None:
        self._session.upsert(_SAVE, _SHAPE.row(debt))

    def due(self, now: datetime, limit: int, place: str) -> Sequence[StatusDebt]:
        return _SHAPE.values(self._session.all(_DUE, {"now": now, "limit": limit, "place": place}))

    def places(self, now: datetime) -> Sequence[str]:
        return [row[0] for row in self._session.all(_PLACES, {"now": now})]

    def claimed(self, by: str) -> Sequence[StatusDebt]:
        return _SHAPE.values(self._session.all(_CLAIMED, {"by": by}))

    def rival(self, debt: StatusDebt, now: datetime) -> StatusDebt | None:
        asked = {"subject": debt.status.subject, "run_id": debt.run_id}
        newer = self._session.first(_NEWER, asked)
        return _SHAPE.optional(newer or self._session.first(_SENDING, {**asked, "now": now}))

    def next_try(self, beside: Collection[str] = ()) -> datetime | None:
        earliest: datetime | None = self._session.scalar(_NEXT, {"beside": sorted(beside)})
        return earliest
