"""Whether the jobs of a workflow can all begin some day."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.place import Place
from flowforge.dialects.native.requirement import Requirement
from flowforge.dialects.native.workflow import Workflow
from flowforge.model.status import Status

MOST_NEEDS = 200_000


class Need(NamedTuple):
    """A requirement with the name of the one place that it means."""

    place: str
    requirement: Requirement


Needs = Mapping[str, tuple[Need, ...]]
Shared = dict[tuple[int, str, tuple[str, ...]], tuple[Need, ...]]


def needs_of(workflow: Workflow, defined: Collection[str], findings: Findings) -> Needs:
    """By the name of each place. `defined` are the names in `jobs:`, whether or not this workflow uses them."""
    places: dict[str, Place] = {}
    families: dict[str, list[str]] = {}
    for place in workflow.places:
        if place.name in places:
            hint = "give this one a name of its own, below it: `name: …`"
            message = f"the workflow has {quote(place.name)} twice"
            findings.error("duplicate-job", place.mark, message, hint)
        else:
            for family in {place.family, *place.groups} - {""}:
                families.setdefault(family, []).append(place.name)
        places.setdefault(place.name, place)
    _check_outcomes(workflow, findings)
    if _too_many(workflow, places, families, findings):
        return dict.fromkeys(places, ())
    needs: dict[str, tuple[Need, ...]] = {}
    shared: Shared = {}
    for place in workflow.places:
        if places[place.name] is not place:
            continue
        needs[place.name] = _shared(
            place, shared, partial(_resolved, place, places, families, defined, findings)
        )
    for cycle in _cycles(needs):
        _report(cycle, needs, findings)
    return needs


def _check_outcomes(workflow: Workflow, findings: Findings) -> None:
    """Of a group it can only be asked whether it succeeds, and whether it is over."""
    groups = {name for place in workflow.places for name in place.groups}
    asked = (each for place in workflow.places for each in place.requires if each.name in groups)
    for each in asked:
        if each.accepts and Status.SKIPPED not in each.accepts:
            hint = f"write {quote(each.name + ': terminal')}, or ask one of its jobs: {quote(each.name + '/JOB: failed')}"
            message = f"{quote(each.name)} is a job group: it succeeds, or it is over"
            findings.error("bad-value", each.mark, message, hint)


def _shared(place: Place, shared: Shared, resolve: Callable[[], Iterator[Need]]) -> tuple[Need, ...]:
    """The places of a matrix have one list; one that stands in it by its own name has it for itself."""
    if any(each.name == place.name for each in place.requires):
        return tuple(resolve())
    which = (id(place.requires), place.family, place.groups)
    if which not in shared:
        shared[which] = tuple(resolve())
    return shared[which]


def _too_many(
    workflow: Workflow, places: Mapping[str, Place], families: Mapping[str, list[str]], findings: Findings
) -> bool:
    count = 0
    for place in workflow.places:
        for each in place.requires:
            count += 1 if each.name in places else len(families.get(each.name, ()))
        if count > MOST_NEEDS:
            message = f"the jobs of this workflow wait for one another more than {MOST_NEEDS} times"
            findings.error(
                "too-many", place.mark, message, "let one job wait for a matrix, and the others for it"
            )
            return True
    return False


def _resolved(
    place: Place,
    places: Mapping[str, Place],
    families: Mapping[str, list[str]],
    defined: Collection[str],
    findings: Findings,
) -> Iterator[Need]:
    for requirement in place.requires:
        name = requirement.name
        if not name:
            continue
        if name == place.name or (name not in places and name in (place.family, *place.groups)):
            message = f"the job {quote(name)} requires itself"
            hint = "remove it, or name the job it really waits for"
            findings.error("needs-itself", requirement.mark, message, hint)
        elif name in places:
            yield Need(place=name, requirement=requirement)
        elif name in families:
            yield from (Need(place=each, requirement=requirement) for each in families[name])
        else:
            hint = _instead(name, places, defined, findings)
            findings.error("unknown-job", requirement.mark, f"the workflow has no job {quote(name)}", hint)


def _instead(name: str, places: Mapping[str, Place], defined: Collection[str], findings: Findings) -> str:
    if name in defined:
        return f"add {quote('- ' + name)} to this workflow's `jobs`"
    near = findings.nearest(name, places)
    return f"did you mean {quote(near)}?" if near else "name a job of the same workflow"


def _report(cycle: list[str], needs: Needs, findings: Findings) -> None:
    order = list(needs)
    first = cycle.index(min(cycle, key=order.index))
    names = (*cycle[first:], *cycle[:first], cycle[first])
    mark = next(each.requirement.mark for each in needs[names[0]] if each.place == names[1])
    hint = f"remove one of these `requires`, such as {quote(names[-1])} from {quote(names[-2])}"
    findings.error("cycle", mark, f"these jobs wait for one another: {' → '.join(names)}", hint)


def _cycles(needs: Needs) -> Iterator[list[str]]:
    """At least one for each knot of jobs, and few that overlap. Walks in depth without recursion: a chain may be as
    long as the file allows."""
    done: set[str] = set()
    cyclic: set[str] = set()
    for start in needs:
        path = {} if start in done else {start: iter(needs[start])}
        while path:
            name = next(reversed(path))
            need = next(path[name], None)
            if need is None:
                done.add(name)
                del path[name]
            elif need.place in path:
                if cyclic.isdisjoint((name, need.place)):
                    cycle = list(path)[list(path).index(need.place) :]
                    cyclic.update(cycle)
                    yield cycle
            elif need.place not in done:
                path[need.place] = iter(needs[need.place])
