"""`matrix:`: one job for each combination of values. Their number is known before there is one of them."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flowforge.dialects.findings import quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.fields import check_keys, items, mapping, raw_text, wrong_type
from flowforge.dialects.native.names import parameter_name, slug
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.node import Map, Node, Scalar
from flowforge.dialects.outside import filled

MOST_COMBINATIONS = 10_000

Combination = Mapping[str, Node]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    combinations: tuple[Combination, ...]
    alias: str = ""


def matrix(node: Node, reading: Reading) -> Matrix:
    """`parameters:` with lists below it, or in short the lists alone."""
    hint = "write `name: [one, other]` below it"
    body = mapping(node, "`matrix`", reading.findings, hint)
    if body is None:
        return Matrix(combinations=())
    axes = _axes(body, reading)
    include, exclude, alias = body.get("include"), body.get("exclude"), body.get("alias")
    count = math.prod(len(values) for values in axes.values()) if axes else 0
    if count > MOST_COMBINATIONS:
        message = f"this matrix has {count} combinations, and {MOST_COMBINATIONS} is the most"
        reading.findings.error("too-many", node.mark, message, "give it fewer values")
        return Matrix(combinations=())
    found = list(_without(axes, _points(exclude, "`exclude`", reading)))
    for point in _points(include, "`include`", reading):
        found = _with(found, axes, point)
    if not found:
        reading.findings.error("empty-value", node.mark, "`matrix` has no combination", hint)
    return Matrix(
        combinations=tuple(found),
        alias=raw_text(alias, reading.findings) if isinstance(alias, Scalar) else "",
    )


def title_of(combination: Combination) -> str:
    """The values in the order of their names."""
    words = (filled(node) for _, node in sorted(combination.items()) if isinstance(node, Scalar))
    return slug("-".join(words))


def _axes(body: Map, reading: Reading) -> dict[str, tuple[Node, ...]]:
    whole = body.get("parameters")
    if isinstance(whole, Map):
        check_keys(body, vocabulary.MATRIX, reading.findings)
        entries = whole.entries
    else:
        entries = {
            key: each for key, each in body.entries.items() if key not in ("include", "exclude", "alias")
        }
    axes: dict[str, tuple[Node, ...]] = {}
    for name, entry in entries.items():
        if name.startswith("x-"):
            continue
        parameter_name(entry.key, reading.findings)
        if isinstance(entry.value, Scalar):
            wrong_type(entry.value, quote(name), "a list", reading.findings, "write `name: [one, other]`")
        else:
            axes[name] = items(entry.value, quote(name), reading.findings)
    return axes


def _points(node: Node | None, what: str, reading: Reading) -> list[Combination]:
    if node is None:
        return []
    found = items(node, what, reading.findings)
    if len(found) > MOST_COMBINATIONS // 10:
        message = f"{what} has more than {MOST_COMBINATIONS // 10} items"
        reading.findings.error("too-many", node.mark, message, "write fewer")
        return []
    bodies = (mapping(each, f"an item of {what}", reading.findings) for each in found)
    return [{name: each.value for name, each in body.entries.items()} for body in bodies if body]


def _without(axes: Mapping[str, tuple[Node, ...]], excluded: list[Combination]) -> Iterator[Combination]:
    if not axes:
        return
    wholes = {_key(point, tuple(axes)) for point in excluded if set(point) == set(axes)}
    parts = [point for point in excluded if set(point) != set(axes)]
    for values in itertools.product(*axes.values()):
        combination = dict(zip(axes, values, strict=True))
        if wholes and _key(combination, tuple(axes)) in wholes:
            continue
        if not any(_agree(combination, point, point) for point in parts):
            yield combination


def _with(
    found: list[Combination], axes: Mapping[str, tuple[Node, ...]], point: Combination
) -> list[Combination]:
    """More for the combinations that it names, or one of its own where there is none."""
    named = [name for name in point if name in axes]
    if any(_agree(each, point, named) for each in found):
        return [{**each, **point} if _agree(each, point, named) else each for each in found]
    return [*found, point]


def _agree(one: Combination, other: Combination, names: Iterable[str]) -> bool:
    return all(name in one and _text(one[name]) == _text(other[name]) for name in names)


def _key(combination: Combination, names: tuple[str, ...]) -> tuple[str | None, ...]:
    return tuple(_text(combination[name]) for name in names)


def _text(node: Node) -> str | None:
    return filled(node) if isinstance(node, Scalar) else None
