"""`job-groups:`: jobs that a workflow uses as one, that `requires` names as one, and that hold a serial group as one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from flowforge.dialects.findings import quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.fields import check_keys, is_null, items, mapping
from flowforge.dialects.native.limits import MOST_DEFINED
from flowforge.dialects.native.names import group, name
from flowforge.dialects.native.place import Own, Place, invocation, own_name, places
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.requirement import Requirement, requirements
from flowforge.dialects.native.taking_part import job_left_out
from flowforge.dialects.node import Entry, Map, Node, Scalar

_KEY = "job-groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    key: Scalar
    body: Map


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """What a workflow may list."""

    jobs: Mapping[str, Definition]
    groups: Mapping[str, Group]


def read_groups(node: Node | None, jobs: Mapping[str, Definition], reading: Reading) -> Mapping[str, Group]:
    findings = reading.findings
    if node is None or is_null(node) or _KEY not in reading.grammar.words.top.now:
        return {}
    body = mapping(node, f"`{_KEY}`", findings)
    if body is None:
        return {}
    if len(body.entries) > MOST_DEFINED:
        message = f"a file defines at most {MOST_DEFINED} job groups"
        findings.error("too-many", node.mark, message, "split the file")
        return {}
    return {key: each for key, entry in body.entries.items() if (each := _group(entry, jobs, reading))}


def listed_places(node: Node, title: str, defined: Defined, reading: Reading) -> Iterator[Place]:
    """Of a workflow's `jobs`. A group that it uses several times under one name gets numbers, as a job does."""
    found = items(node, "`jobs`", reading.findings)
    uses = [_use(each, defined, reading) for each in found] if defined.groups else [None] * len(found)
    counts = Counter(use.name for use in uses if use)
    seen: Counter[str] = Counter()
    for item, use in zip(found, uses, strict=True):
        if use is None:
            yield from places(item, defined.jobs, reading)
            continue
        seen[use.name] += 1
        called = use.name if counts[use.name] == 1 else f"{use.name}-{seen[use.name]}"
        yield from _members(replace(use, name=called, unit=f"{title}/{called}"), defined, reading)


def look_at(groups: Mapping[str, Group], defined: Defined, reading: Reading) -> None:
    """At groups that no workflow uses."""
    for each in groups.values():
        use = _Use(
            name=each.key.text, unit="", group=each, key=each.key, body=Map(entries={}, mark=each.key.mark)
        )
        for _ in _members(use, defined, reading):
            pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """One place of a group in a workflow; `unit` is what tells it from all others of the run."""

    name: str
    unit: str
    group: Group
    key: Scalar
    body: Map


def _group(entry: Entry, jobs: Mapping[str, Definition], reading: Reading) -> Group | None:
    title = name(entry.key, "a job group", reading.findings)
    body = mapping(entry.value, f"the job group {quote(title)}", reading.findings)
    if body is None:
        return None
    check_keys(body, vocabulary.JOB_GROUP, reading.findings)
    if title in jobs:
        message = f"{quote(title)} is the name of a job and of a job group"
        reading.findings.error("duplicate-job", entry.key.mark, message, "give one of them another name")
    return Group(key=entry.key, body=body)


def _use(node: Node, defined: Defined, reading: Reading) -> _Use | None:
    entry = invocation(node, reading)
    found = defined.groups.get(entry.key.text) if entry else None
    if entry is None or found is None or not isinstance(entry.value, Map):
        return None
    check_keys(entry.value, vocabulary.GROUP_PLACE, reading.findings)
    called = own_name(entry.value, entry.key, reading) or entry.key.text
    return _Use(name=called, unit="", group=found, key=entry.key, body=entry.value)


def _members(use: _Use, defined: Defined, reading: Reading) -> Iterator[Place]:
    listed = use.group.body.get("jobs")
    if listed is None:
        hint = "write `jobs:` with a line `- name` for each job"
        reading.findings.error("missing-key", use.group.key.mark, "this job group has no `jobs`", hint)
        return
    filters = use.body.entries.get("filters")
    found: list[Place] = []
    for item in items(listed, "`jobs`", reading.findings):
        entry = invocation(item, reading)
        if entry and entry.key.text in defined.groups:
            message = f"the job group {quote(entry.key.text)} cannot stand in another"
            reading.findings.error("unknown-job", entry.key.mark, message, "list its jobs here")
        elif entry:
            found += places(_filtered(entry, filters), defined.jobs, reading)
    known = {word for place in found for word in (place.name, place.family)}
    outer = requirements(use.body.get("requires"), reading)
    skip = job_left_out(use.body, reading)
    serial = use.body.get("serial-group") or use.group.body.get("serial-group")
    for place in found:
        reading.visit(place.mark)
        inner = tuple(_inner(each, use, known, reading) for each in place.requires)
        yield place._replace(
            name=f"{use.name}/{place.name}",
            family=f"{use.name}/{place.family}" if place.family else "",
            groups=tuple(dict.fromkeys((use.name, use.key.text))),
            requires=inner or outer,
            skip=place.skip or skip,
            own=_serial(place.own, serial, use, reading) if place.shared and serial else place.own,
        )


def _filtered(entry: Entry, filters: Entry | None) -> Node:
    """With the filters of the whole group where the job has none of its own: those of a tag would leave it out."""
    body = entry.value
    if filters and isinstance(body, Map) and "filters" not in body.entries:
        body = Map(entries={**body.entries, "filters": filters}, mark=body.mark)
    return Map(entries={entry.key.text: Entry(key=entry.key, value=body)}, mark=entry.key.mark)


def _inner(requirement: Requirement, use: _Use, known: set[str], reading: Reading) -> Requirement:
    if requirement.name and requirement.name not in known:
        near = reading.findings.nearest(requirement.name, known)
        hint = f"did you mean {quote(near)}?" if near else "name a job of the same group"
        message = f"the job group {quote(use.key.text)} has no job {quote(requirement.name)}"
        reading.findings.error("unknown-job", requirement.mark, message, hint)
        return replace(requirement, name="")
    return replace(requirement, name=f"{use.name}/{requirement.name}" if requirement.name else "")


def _serial(own: Own, serial: Node, use: _Use, reading: Reading) -> Own:
    called = group(serial, "`serial-group`", reading.findings)
    if own.terms.serial_group:
        message = f"{quote(own.title)} has a `serial-group`, and so has its job group {quote(use.key.text)}"
        reading.findings.error("conflicting-keys", serial.mark, message, "keep one of them")
    return own._replace(terms=replace(own.terms, serial_group=called, serial_unit=use.unit))
