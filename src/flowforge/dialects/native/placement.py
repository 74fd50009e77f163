"""From workflows to the jobs of one pipeline."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from flowforge.dialects.findings import quote
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.grammar import Repeats
from flowforge.dialects.native.needs import Need, Needs, needs_of
from flowforge.dialects.native.place import Own, Place
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.workflow import Workflow
from flowforge.model.job_spec import JobSpec
from flowforge.model.status import Status

NOTHING_LEFT = "all that it requires is left out"


class Placed(NamedTuple):
    """A place as it will be in the pipeline: one key for each of its parts."""

    place: Place
    keys: tuple[str, ...]
    needs: tuple[Need, ...]
    skip: str


def place_jobs(
    jobs: Mapping[str, Definition], workflows: tuple[Workflow, ...], reading: Reading
) -> tuple[JobSpec, ...]:
    """One job for each part of each place in a workflow. Its key is its name there, with the workflow's in front where
    several workflows use that name."""
    if reading.grammar.repeats is Repeats.NUMBERED:
        workflows = tuple(_numbered(workflow) for workflow in workflows)
    found = [(workflow, needs_of(workflow, jobs, reading.findings)) for workflow in workflows]
    uses = Counter(name for _, needs in found for name in needs)
    placed: dict[str, JobSpec] = {}
    for workflow, needs in found:
        for mark, spec in _specs(workflow, needs, uses, reading):
            if spec.key in placed:
                message = f"two jobs of this file would be called {quote(spec.key)}"
                hint = "give this one a name of its own, below it: `name: …`"
                reading.findings.error("duplicate-job", mark.mark, message, hint)
            placed[spec.key] = spec
    return tuple(placed.values())


def _numbered(workflow: Workflow) -> Workflow:
    """A name that stands there several times gets a number behind it."""
    counts = Counter(place.name for place in workflow.places)
    seen: Counter[str] = Counter()
    places = []
    for place in workflow.places:
        seen[place.name] += 1
        alone = counts[place.name] == 1
        places.append(place if alone else _named(place, f"{place.name}-{seen[place.name]}"))
    return replace(workflow, places=tuple(places))


def _named(place: Place, name: str) -> Place:
    return place._replace(name=name, family=place.family or place.name, own=place.own._replace(title=name))


def _specs(
    workflow: Workflow, needs: Needs, uses: Counter[str], reading: Reading
) -> Iterator[tuple[Place, JobSpec]]:
    known: dict[str, Placed] = {}
    for place in workflow.places:
        if place.name not in known:
            key = place.name if uses[place.name] == 1 else f"{workflow.name}/{place.name}"
            known[place.name] = Placed(
                place=place, keys=_keys(key, place.parts), needs=needs[place.name], skip=place.skip
            )
    around = _Around(known, _skips(known))
    for placed in known.values():
        if placed.place.shared:
            for each in _parts(placed.place.shared, placed, around, reading):
                yield placed.place, each


def _keys(key: str, parts: int) -> tuple[str, ...]:
    return (key,) if parts == 1 else tuple(f"{key}-{part}-of-{parts}" for part in range(1, parts + 1))


def _skips(known: Mapping[str, Placed]) -> Mapping[str, str]:
    """A job whose needs are all left out is left out too, and so on; one with others left just waits for those."""
    skips = {name: placed.skip for name, placed in known.items()}
    waiting: dict[str, list[str]] = {}
    left: dict[str, int] = {}
    for name, placed in known.items():
        left[name] = len(placed.needs)
        for need in placed.needs:
            waiting.setdefault(need.place, []).append(name)
    gone = [name for name, skip in skips.items() if skip]
    while gone:
        for name in waiting.get(gone.pop(), ()):
            left[name] -= 1
            if left[name] == 0 and not skips[name]:
                skips[name] = NOTHING_LEFT
                gone.append(name)
    return skips


Waits = tuple[tuple[str, ...], Mapping[str, tuple[Status, ...]]]
"""The keys, and which ends of them will do."""
FOR_NOBODY: Waits = ((), {})


@dataclass(frozen=True, slots=True)
class _Around:
    """The other places of a workflow, and which of them are left out. `waits` is what was found for needs that
    several places share, by their identity."""

    known: Mapping[str, Placed]
    skips: Mapping[str, str]
    waits: dict[int, Waits] = field(default_factory=dict)


def _needs(placed: Placed, around: _Around) -> Waits:
    """What is left out is not waited for, unless this job is left out itself."""
    if not placed.needs:
        return FOR_NOBODY
    if around.skips[placed.place.name]:
        return _waits(placed.needs, around)
    known = around.waits.get(id(placed.needs))
    if known is None:
        kept = tuple(need for need in placed.needs if not around.skips[need.place])
        known = around.waits[id(placed.needs)] = _waits(kept, around)
    return known


def _waits(needs: tuple[Need, ...], around: _Around) -> Waits:
    keys = dict.fromkeys(key for need in needs for key in around.known[need.place].keys)
    accepts = {
        key: need.requirement.accepts
        for need in needs
        if need.requirement.accepts
        for key in around.known[need.place].keys
    }
    return tuple(keys), accepts


def _parts(shared: JobSpec, placed: Placed, around: _Around, reading: Reading) -> Iterator[JobSpec]:
    needs, accepts = _needs(placed, around)
    own, skip = placed.place.own, around.skips[placed.place.name]
    terms = replace(own.terms, accepts=accepts, skip=skip) if accepts or skip else own.terms
    total = len(placed.keys)
    if total > 1 and terms.serial_group and not terms.serial_unit:
        terms = replace(terms, serial_unit=placed.keys[0])
    for number, key in enumerate(placed.keys, start=1):
        yield replace(
            shared,
            key=key,
            name=f"{own.title} ({number} of {total})" if total > 1 else own.title,
            steps=own.steps,
            needs=needs,
            clone=own.clone,
            terms=terms,
            env=_part_env(own, number, total, reading),
            secret_groups=own.secret_groups,
        )


def _part_env(own: Own, number: int, total: int, reading: Reading) -> Mapping[str, str]:
    grammar = reading.grammar
    if total == 1 and not grammar.job_variable:
        return own.env
    node = {
        f"{prefix}{name}": str(value)
        for prefix in grammar.node_prefixes
        for name, value in (("NODE_INDEX", number - 1), ("NODE_TOTAL", total))
    }
    named = {grammar.job_variable: own.title} if grammar.job_variable else {}
    return {**named, **own.env, **node}
