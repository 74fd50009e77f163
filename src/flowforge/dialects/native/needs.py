"""Whether the jobs of a workflow can all begin some day."""

from collections.abc import Iterator

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.workflow import Place, Requirement, Workflow


def check_needs(workflow: Workflow, defined: frozenset[str], findings: Findings) -> None:
    """`defined` are the names in `jobs:`, whether or not this workflow uses them."""
    places = workflow.by_name()
    for place in workflow.places:
        if place.name and place is not places[place.name]:
            hint = "give this one a name of its own, below it: `name: …`"
            message = f"the workflow has {quote(place.name)} twice"
            findings.error("duplicate-job", place.mark, message, hint)
    for place in workflow.places:
        for requirement in place.requires:
            _check_requirement(place, requirement, places, defined, findings)
    for cycle in _cycles(places):
        _report(cycle, places, findings)


def _check_requirement(
    place: Place,
    requirement: Requirement,
    places: dict[str, Place],
    defined: frozenset[str],
    findings: Findings,
) -> None:
    name = requirement.name
    if name == place.name:
        message = f"the job {quote(name)} requires itself"
        findings.error(
            "needs-itself", requirement.mark, message, "remove it, or name the job it really waits for"
        )
    elif name and name not in places:
        message = f"the workflow has no job {quote(name)}"
        findings.error("unknown-job", requirement.mark, message, _instead(name, places, defined, findings))


def _instead(name: str, places: dict[str, Place], defined: frozenset[str], findings: Findings) -> str:
    if name in defined:
        return f"add {quote('- ' + name)} to this workflow's `jobs`"
    near = findings.nearest(name, places)
    return f"did you mean {quote(near)}?" if near else "name a job of the same workflow"


def _report(cycle: list[str], places: dict[str, Place], findings: Findings) -> None:
    order = list(places)
    first = cycle.index(min(cycle, key=order.index))
    names = (*cycle[first:], *cycle[:first], cycle[first])
    mark = next(requirement.mark for requirement in places[names[0]].requires if requirement.name == names[1])
    hint = f"remove one of these `requires`, such as {quote(names[-1])} from {quote(names[-2])}"
    findings.error("cycle", mark, f"these jobs wait for one another: {' → '.join(names)}", hint)


def _cycles(places: dict[str, Place]) -> Iterator[list[str]]:
    """At least one for each knot of jobs, and few that overlap. Walks in depth without recursion: a chain may be as
    long as the file allows."""
    done: set[str] = set()
    cyclic: set[str] = set()
    for start in places:
        path = {} if start in done else {start: iter(places[start].requires)}
        while path:
            name = next(reversed(path))
            requirement = next(path[name], None)
            if requirement is None:
                done.add(name)
                del path[name]
            elif requirement.name in path:
                if requirement.name != name and cyclic.isdisjoint((name, requirement.name)):
                    cycle = list(path)[list(path).index(requirement.name) :]
                    cyclic.update(cycle)
                    yield cycle
            elif requirement.name in places and requirement.name not in done:
                path[requirement.name] = iter(places[requirement.name].requires)
