"""A noun of the model as a row of its table, and back."""

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Table

T = TypeVar("T")


class Shape(Generic[T]):
    """Columns are read from the attributes of their own name unless `paths` says where else; `make` gets the columns
    as keywords. A row may lack the last columns; those in `without` are the store's own."""

    def __init__(
        self,
        table: Table,
        make: Callable[..., T],
        paths: Mapping[str, str] | None = None,
        without: Collection[str] = (),
    ) -> None:
        self.names = tuple(column.name for column in table.columns if column.name not in without)
        self._make = make
        self._read = attrgetter(*((paths or {}).get(name, name) for name in self.names))

    def row(self, value: T) -> dict[str, Any]:
        return dict(zip(self.names, self._read(value), strict=True))

    def rows(self, values: Sequence[T]) -> list[dict[str, Any]]:
        return [self.row(value) for value in values]

    def read(self, values: Sequence[T]) -> list[tuple[Any, ...]]:
        """Rows without the names of their columns."""
        return [self._read(value) for value in values]

    def value(self, row: Row[Any]) -> T:
        return self._make(**dict(zip(self.names, row, strict=False)))

    def values(self, rows: Sequence[Row[Any]]) -> list[T]:
        return [self.value(row) for row in rows]

    def optional(self, row: Row[Any] | None) -> T | None:
        return None if row is None else self.value(row)
