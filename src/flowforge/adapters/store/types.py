"""How values lie in columns, the same on SQLite and PostgreSQL."""

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import BigInteger, Dialect, Integer, String, Text
from sqlalchemy.types import TypeDecorator

from flowforge.errors import Bug

if TYPE_CHECKING:
    from pydantic import TypeAdapter

E = TypeVar("E", bound=StrEnum)

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LARGEST = 2**63 - 1


class Id(TypeDecorator[int]):
    """Numbers from outside (a path, a Last-Event-ID) may be larger than any column: they are drawn to its edge, where
    no row is, so comparisons stay right."""

    impl = BigInteger().with_variant(Integer(), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        if value is None or -_LARGEST <= value <= _LARGEST:
            return value
        return _LARGEST if value > 0 else -_LARGEST


class Instant(TypeDecorator[datetime]):
    """UTC as ISO-8601 with microseconds and Z: always 27 characters, so text order is time order."""

    impl = String(27).with_variant(String(27, collation="C"), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise Bug("a time without a zone")
        at = value if value.tzinfo is UTC else value.astimezone(UTC)
        return at.isoformat(timespec="microseconds")[:26] + "Z"

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


class Words(TypeDecorator[str]):
    """Somebody's text. PostgreSQL takes no NUL, neither database a lone surrogate: U+FFFD stands for them."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return _UNSTORABLE.sub("\ufffd", value)


class Ordered(TypeDecorator[str]):
    """Our own words, which an index is walked along: compared byte by byte on either database."""

    impl = Text().with_variant(Text(collation="C"), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else _UNSTORABLE.sub("\ufffd", value)


class Choice(TypeDecorator[E]):
    """A word of one vocabulary."""

    impl = String(32)
    cache_ok = True

    def __init__(self, vocabulary: type[E]) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:  # noqa: ARG002
        return None if value is None else self.vocabulary(value)


class Json(TypeDecorator[Any]):
    """Plain JSON values; NUL and lone surrogates survive as escapes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        return json.dumps(value, separators=(",", ":")) if value else "{}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return json.loads(value) if value and value != "{}" else {}


class JsonTuple(TypeDecorator[tuple[Any, ...]]):
    """A tuple of words or of numbers."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[Any, ...] | None, dialect: Dialect) -> str:  # noqa: ARG002
        return json.dumps(value, separators=(",", ":")) if value else "[]"

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[Any, ...]:  # noqa: ARG002
        return tuple(json.loads(value)) if value and value != "[]" else ()


class JsonOf(TypeDecorator[Any]):
    """A frozen dataclass of the model as JSON, read back into the same value. Pydantic, a tenth of the server's start, is
    loaded with the first value."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any, usual: Any = None) -> None:
        """`usual` is the value that most rows have: it is kept as NULL. Not hashable, so no part of a statement's key."""
        super().__init__()
        self.shape = shape
        self._usual = usual

    @cached_property
    def _adapter(self) -> "TypeAdapter[Any]":
        from pydantic import TypeAdapter

        return TypeAdapter(self.shape)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None or value == self._usual:
            return None
        from pydantic_core import PydanticSerializationError

        try:
            return self._adapter.dump_json(value).decode()
        except PydanticSerializationError:
            text = json.dumps(self._adapter.dump_python(value, mode="json"), ensure_ascii=False)
            return _UNSTORABLE.sub("\ufffd", text)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return self._usual if value is None else self._adapter.validate_json(value)
