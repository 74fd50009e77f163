"""A document as a tree whose every value knows where it stood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from flowforge.model.problem import Mark

Value: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """`value` is typed by YAML 1.2's core schema; `text` is as it was written, so that a version `3.10` stays one.
    `plain` is false for what was quoted, a block, or tagged.

    `outside` holds somebody else's words, such as a branch's name: `text` has a NUL for each, in that order, so that
    no reader takes them for the author's own. No document can have a NUL.
    """

    text: str
    value: Value
    mark: Mark
    plain: bool = True
    outside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    items: tuple["Node", ...]
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    key: Scalar
    value: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """`entries` are by the key's text and in the order of the file; those of merge keys stand behind its own."""

    entries: Mapping[str, Entry]
    mark: Mark

    def get(self, key: str) -> "Node | None":
        entry = self.entries.get(key)
        return entry.value if entry else None


Node: TypeAlias = Scalar | Sequence | Map
