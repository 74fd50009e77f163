"""`requires:`: what a job waits for, and with which end of it it is content."""

from collections.abc import Mapping
from dataclasses import dataclass

from flowforge.dialects.findings import quote
from flowforge.dialects.native.fields import is_null, items, one_of, single_entry, text
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.node import Map, Node, Scalar, Sequence
from flowforge.model.problem import Mark
from flowforge.model.status import Status

_ENDS: Mapping[str, tuple[Status, ...]] = {
    "success": (Status.SUCCESS,),
    "failed": (Status.FAILURE,),
    "failure": (Status.FAILURE,),
    "canceled": (Status.CANCELLED,),
    "cancelled": (Status.CANCELLED,),
    "skipped": (Status.SKIPPED,),
    "not_run": (Status.SKIPPED,),
    "terminal": (Status.SUCCESS, Status.FAILURE, Status.CANCELLED, Status.SKIPPED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """`accepts` is empty where only success will do."""

    name: str
    mark: Mark
    accepts: tuple[Status, ...] = ()


def requirements(node: Node | None, reading: Reading) -> tuple[Requirement, ...]:
    if node is None or is_null(node):
        return ()
    return reading.once("requires", node, lambda: _requirements(node, reading))


def _requirements(node: Node, reading: Reading) -> tuple[Requirement, ...]:
    if isinstance(node, Sequence) and not node.items:
        return ()
    found: dict[str, Requirement] = {}
    for item in items(node, "`requires`", reading.findings):
        each = _requirement(item, reading)
        if each.name in found:
            message = f"{quote(each.name)} is required twice"
            reading.findings.error("duplicate-need", item.mark, message, "keep one of them")
        found.setdefault(each.name, each)
    return tuple(found.values())


def _requirement(item: Node, reading: Reading) -> Requirement:
    entry = single_entry(item) if isinstance(item, Map) else None
    if entry is None:
        return Requirement(name=text(item, "an item of `requires`", reading.findings), mark=item.mark)
    ends = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    words = [one_of(each, "an outcome", tuple(_ENDS), reading.findings) for each in ends]
    accepts = tuple(dict.fromkeys(status for each in words for status in _ENDS[each]))
    name = Scalar(text=entry.key.text, value=entry.key.value, mark=entry.key.mark)
    return Requirement(
        name=text(name, "an item of `requires`", reading.findings),
        mark=item.mark,
        accepts=() if accepts == (Status.SUCCESS,) else accepts,
    )
