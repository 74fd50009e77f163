"""Insert, or replace what has the same key, in the words of either database."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Executable, Table


class Upsert:
    """`kept` columns are set by the insert only. Made when it is first wanted: only one of the dialects is ever loaded."""

    def __init__(self, table: Table, *, kept: Collection[str] = ()) -> None:
        self._table = table
        self._kept = kept
        self._for: dict[str, Executable] = {}

    def on(self, dialect: str) -> Executable:
        if dialect not in self._for:
            self._for[dialect] = _statement(_insert(dialect, self._table), self._table, self._kept)
        return self._for[dialect]


def _insert(dialect: str, table: Table) -> Any:
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def _statement(insert: Any, table: Table, kept: Collection[str]) -> Executable:
    keys = [column.name for column in table.primary_key]
    changed = [c.name for c in table.columns if c.name not in keys and c.name not in kept]
    statement: Executable = insert.on_conflict_do_update(
        index_elements=keys, set_={name: insert.excluded[name] for name in changed}
    )
    return statement
