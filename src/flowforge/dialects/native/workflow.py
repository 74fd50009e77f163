"""`workflows:` as it is written: which job stands where, and what it waits for."""

from dataclasses import dataclass

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.fields import (
    check_keys,
    is_null,
    items,
    mapping,
    single_entry,
    text,
    wrong_type,
)
from flowforge.dialects.native.names import name
from flowforge.dialects.node import Entry, Map, Node, Scalar
from flowforge.model.problem import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    name: str
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A job in a workflow. `name` is what `requires` calls it: the job's, or the place's own `name`."""

    name: str
    job: str
    mark: Mark
    requires: tuple[Requirement, ...] = ()
    renamed: bool = False
    gate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    name: str
    places: tuple[Place, ...]

    def by_name(self) -> dict[str, Place]:
        """The first of each name."""
        found: dict[str, Place] = {}
        for place in self.places:
            found.setdefault(place.name, place)
        return found


def workflows(node: Node, findings: Findings) -> tuple[Workflow, ...]:
    body = mapping(node, "`workflows`", findings)
    if body is None:
        return ()
    found = tuple(_workflow(entry, findings) for entry in body.entries.values() if not _is_version(entry))
    if not found:
        hint = "write a name below it, and `jobs:` below that, or remove `workflows`"
        findings.error("empty-value", node.mark, "`workflows` has no workflow", hint)
    return found


def _is_version(entry: Entry) -> bool:
    return entry.key.text == "version" and isinstance(entry.value, Scalar)


def _workflow(entry: Entry, findings: Findings) -> Workflow:
    title = name(entry.key, "a workflow", findings)
    body = mapping(entry.value, f"the workflow {quote(title)}", findings)
    if body is None:
        return Workflow(name=title, places=())
    check_keys(body, vocabulary.WORKFLOW, findings)
    jobs = body.get("jobs")
    if jobs is None:
        hint = "write `jobs:` with a line `- name` for each job"
        findings.error("missing-key", entry.key.mark, "this workflow has no `jobs`", hint)
        return Workflow(name=title, places=())
    places = (_place(item, findings) for item in items(jobs, "`jobs`", findings))
    return Workflow(name=title, places=tuple(place for place in places if place))


def _place(node: Node, findings: Findings) -> Place | None:
    if isinstance(node, Scalar):
        job = text(node, "a job's name", findings)
        return Place(name=job, job=job, mark=node.mark)
    entry = single_entry(node) if isinstance(node, Map) else None
    if entry is None:
        hint = "write `- name`, or `- name:` with `requires:` indented below it"
        findings.error(
            "wrong-type", node.mark, "a workflow's job must be its name, or a mapping with one key", hint
        )
        return None
    return _detailed(entry, findings)


def _detailed(entry: Entry, findings: Findings) -> Place | None:
    job = entry.key.text
    if is_null(entry.value):
        return Place(name=job, job=job, mark=entry.key.mark)
    body = mapping(entry.value, f"what stands below {quote(job)}", findings)
    if body is None:
        return Place(name=job, job=job, mark=entry.key.mark)
    check_keys(body, vocabulary.PLACE, findings)
    alias = body.get("name")
    return Place(
        name=_alias(alias, findings) if alias else job,
        job=job,
        mark=entry.key.mark,
        requires=_requires(body.get("requires"), findings),
        renamed=alias is not None,
        gate="type" in body.entries,
    )


def _alias(node: Node, findings: Findings) -> str:
    if isinstance(node, Scalar):
        return name(node, "a job", findings)
    wrong_type(node, "`name`", "text", findings)
    return ""


def _requires(node: Node | None, findings: Findings) -> tuple[Requirement, ...]:
    if node is None or is_null(node):
        return ()
    found: dict[str, Requirement] = {}
    for item in items(node, "`requires`", findings):
        if isinstance(item, Map) and single_entry(item):
            hint = "write the job's name alone: it waits for success"
            findings.error("not-supported-yet", item.mark, "requiring an outcome is not supported yet", hint)
            continue
        word = text(item, "an item of `requires`", findings)
        if word in found:
            findings.error(
                "duplicate-need", item.mark, f"{quote(word)} is required twice", "keep one of them"
            )
        found.setdefault(word, Requirement(name=word, mark=item.mark))
    return tuple(found.values())
