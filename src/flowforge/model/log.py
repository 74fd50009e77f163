"""Names and sizes of logs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSize:
    """`sealed` says that nothing will be appended any more."""

    bytes: int
    lines: int
    sealed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines:
    """Whole lines from `first` on (counting from 0), without their newlines; `total` is the log's number of lines now."""

    first: int
    lines: tuple[bytes, ...]
    total: int
