"""Insert, or replace what has the same key, in the words of either database."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite


class Upsert:
    """`kept` columns are set by the insert only."""

    def __init__(self, table: Table, *, kept: Collection[str] = ()) -> None:
        self._for = {
            "sqlite": _statement(sqlite.insert(table), table, kept),
            "postgresql": _statement(postgresql.insert(table), table, kept),
        }

    def on(self, dialect: str) -> Executable:
        return self._for[dialect]


def _statement(insert: Any, table: Table, kept: Collection[str]) -> Executable:
    keys = [column.name for column in table.primary_key]
    changed = [c.name for c in table.columns if c.name not in keys and c.name not in kept]
    statement: Executable = insert.on_conflict_do_update(
        index_elements=keys, set_={name: insert.excluded[name] for name in changed}
    )
    return statement
