"""`workflows:`: which jobs stand where, with which values, and what they wait for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flowforge.dialects.findings import quote
from flowforge.dialects.native.condition import allowed
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.fields import check_keys, mapping, whole_number
from flowforge.dialects.native.groups import Defined, listed_places
from flowforge.dialects.native.names import name
from flowforge.dialects.native.place import Place, places
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.run_step import MOST_RERUNS
from flowforge.dialects.native.taking_part import CONDITION
from flowforge.dialects.native.workflow_schedules import NEVER, Timed, timed, why_not_now
from flowforge.dialects.node import Entry, Map, Node, Scalar
from flowforge.model.job_terms import RetryRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    name: str
    places: tuple[Place, ...]


def workflows(node: Node, defined: Defined, reading: Reading) -> tuple[Workflow, ...]:
    body = mapping(node, "`workflows`", reading.findings)
    if body is None:
        return ()
    entries = [entry for entry in body.entries.values() if not _is_version(entry)]
    times = [_timed(entry, reading) for entry in entries]
    schedules = {name: each for timed in times for name, each in timed.schedules.items()}
    reading.schedules += tuple(each for timed in times for each in timed.schedules.values())
    found = tuple(
        _workflow(entry, defined, why_not_now(own, schedules, reading), reading)
        for entry, own in zip(entries, times, strict=True)
    )
    if not found:
        hint = "write a name below it, and `jobs:` below that, or remove `workflows`"
        reading.findings.error("empty-value", node.mark, "`workflows` has no workflow", hint)
    return found


def whole_file(jobs: Mapping[str, Definition], reading: Reading) -> tuple[Workflow, ...]:
    """What stands for `workflows` where there is none: every job."""
    found = [place for each in jobs.values() for place in places(each.key, jobs, reading)]
    return (Workflow(name="", places=tuple(found)),)


def _is_version(entry: Entry) -> bool:
    return entry.key.text == "version" and isinstance(entry.value, Scalar)


def _timed(entry: Entry, reading: Reading) -> Timed:
    body = entry.value
    return timed(body.get("triggers"), entry.key.text, reading) if isinstance(body, Map) else NEVER


def _workflow(entry: Entry, defined: Defined, not_now: str, reading: Reading) -> Workflow:
    title = name(entry.key, "a workflow", reading.findings)
    body = mapping(entry.value, f"the workflow {quote(title)}", reading.findings)
    if body is None:
        return Workflow(name=title, places=())
    check_keys(body, reading.grammar.words.workflow, reading.findings)
    listed = body.get("jobs")
    if listed is None:
        hint = "write `jobs:` with a line `- name` for each job"
        reading.findings.error("missing-key", entry.key.mark, "this workflow has no `jobs`", hint)
        return Workflow(name=title, places=())
    why = ("" if allowed(body, reading) else CONDITION) or not_now
    skip = f"the workflow {quote(title)} is left out: {why}" if why else ""
    retry = _retry(body, reading)
    found = (_with_retry(each, retry) for each in listed_places(listed, title, defined, reading))
    return Workflow(name=title, places=tuple(place._replace(skip=skip) if skip else place for place in found))


def _retry(body: Map, reading: Reading) -> tuple[RetryRule, ...]:
    """What failed is tried again, which is what a workflow that begins again from there does."""
    node = body.get("max_auto_reruns")
    if node is None or "max_auto_reruns" not in reading.grammar.words.workflow.now:
        return ()
    limit = whole_number(node, "`max_auto_reruns`", 1, MOST_RERUNS, reading.findings)
    return (RetryRule(limit=limit),)


def _with_retry(place: Place, retry: tuple[RetryRule, ...]) -> Place:
    """A job's own rules go first."""
    own = place.own
    if place.shared is None or not retry or own.terms.retry:
        return place
    return place._replace(own=own._replace(terms=replace(own.terms, retry=retry)))
