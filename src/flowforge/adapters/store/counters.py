"""Ids without gaps: the last one given of every noun, read when a transaction begins and written back when it ends.

Reading them locks them, so transactions that write follow one another, in one process and in all (decision 0003)."""

from sqlalchemy import Connection, Text, bindparam, cast, func, literal, select, update

from flowforge.adapters.store.tables import counters
from flowforge.errors import Bug

_ALL = select(counters.c.noun, counters.c.value).order_by(counters.c.noun).with_for_update()
_READ = {
    "sqlite": _ALL.add_columns(literal("")),
    "postgresql": _ALL.add_columns(cast(func.pg_current_xact_id(), Text)),
}
_WRITE = update(counters).where(counters.c.noun == bindparam("of")).values(value=bindparam("last"))
_LAST = select(counters.c.value).where(counters.c.noun == bindparam("of"))


class Counters:
    """`transaction` names the transaction to a server that can be asked later what became of it, else it is empty."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        rows = connection.execute(_READ[connection.dialect.name]).all()
        self._stored: dict[str, int] = {row[0]: row[1] for row in rows}
        self.last = dict(self._stored)
        self.transaction: str = rows[0][2]

    def take(self, noun: str, count: int) -> range:
        if noun not in self.last:
            raise Bug(f"nothing counts {noun}")
        first = self.last[noun] + 1
        self.last[noun] += count
        return range(first, first + count)

    def write(self) -> None:
        moved = [{"of": n, "last": v} for n, v in self.last.items() if v != self._stored[n]]
        if moved:
            self._connection.execute(_WRITE, moved)


def last_of(connection: Connection, noun: str) -> int:
    value: int = connection.execute(_LAST, {"of": noun}).scalar_one()
    return value
