"""One database transaction as the nouns see it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Row
from sqlalchemy.exc import DBAPIError

from flowforge.adapters.store.bulk import Bulk
from flowforge.adapters.store.counters import Counters, last_of
from flowforge.adapters.store.upsert import Upsert
from flowforge.errors import Bug

Parameters = Mapping[str, Any]


class Session:
    """`counters` is None in a read. `events` are rows that wait to be inserted together. `known` are values that were
    read or written here: transactions that write follow one another, so nobody else changes them meanwhile."""

    def __init__(self, connection: Connection, counters: Counters | None = None) -> None:
        self._connection = connection
        self._counters = counters
        self._dialect = connection.dialect.name
        self.events: list[tuple[Any, ...]] = []
        self.known: dict[tuple[str, Any], Any] = {}
        self.open = True
        self.touched = False
        self.fault: DBAPIError | None = None

    @property
    def writes(self) -> bool:
        return self._counters is not None

    def all(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row[Any]]:
        return self._execute(statement, parameters).all()

    def first(self, statement: Executable, parameters: Parameters | None = None) -> Row[Any] | None:
        return self._execute(statement, parameters).first()

    def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        return self._execute(statement, parameters).scalar()

    def change(
        self, statement: Executable, parameters: Parameters | Sequence[Parameters]
    ) -> CursorResult[Any]:
        self.touch()
        return self._execute(statement, parameters)

    def insert(self, bulk: Bulk, rows: Sequence[Sequence[Any]]) -> None:
        self.touch()
        self._expect_open()
        statement, written = bulk.written(self._connection.dialect, rows)
        try:
            self._connection.exec_driver_sql(statement, written)
        except DBAPIError as error:
            self.fault = self.fault or error
            raise

    def upsert(self, statement: Upsert, rows: Parameters | Sequence[Parameters]) -> None:
        self.change(statement.on(self._dialect), rows)

    def take(self, noun: str, count: int) -> range:
        return self.expect_counters().take(noun, count)

    def last(self, noun: str) -> int:
        if self._counters is not None:
            return self._counters.last[noun]
        return last_of(self._connection, noun)

    def touch(self) -> None:
        """From here on a failure has something to undo."""
        self.expect_counters()
        self.touched = True

    def expect_counters(self) -> Counters:
        self._expect_open()
        if self._counters is None:
            raise Bug("a read tried to write")
        return self._counters

    def _expect_open(self) -> None:
        if not self.open:
            raise Bug("a transaction was used after its function returned")

    def _execute(
        self, statement: Executable, parameters: Parameters | Sequence[Parameters] | None
    ) -> CursorResult[Any]:
        self._expect_open()
        try:
            return self._connection.execute(statement, parameters)
        except DBAPIError as error:
            self.touched = True
            self.fault = self.fault or error
            raise
