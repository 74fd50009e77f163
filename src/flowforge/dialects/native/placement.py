"""From workflows to the jobs of one pipeline."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from flowforge.dialects.findings import quote
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.grammar import Repeats
from flowforge.dialects.native.needs import Need, Needs, needs_of
from flowforge.dialects.native.place import Place
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.workflow import Workflow
from flowforge.model.job_spec import JobSpec
from flowforge.model.status import Status

NOTHING_LEFT = "all that it requires is left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
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
    spec = replace(place.spec, name=name) if place.spec else None
    return replace(place, name=name, family=place.family or place.name, spec=spec)


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
    skips = _skips(known)
    for placed in known.values():
        if placed.place.spec:
            for each in _parts(placed.place.spec, placed, _Around(known, skips), reading):
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


@dataclass(frozen=True, slots=True)
class _Around:
    """The other places of a workflow, and which of them are left out."""

    known: Mapping[str, Placed]
    skips: Mapping[str, str]


def _needs(placed: Placed, around: _Around) -> tuple[tuple[str, ...], Mapping[str, tuple[Status, ...]]]:
    """The keys, and which ends of them will do. What is left out is not waited for, unless this job is left out
    itself."""
    if not placed.needs:
        return (), {}
    skip = around.skips[placed.place.name]
    kept = [need for need in placed.needs if skip or not around.skips[need.place]]
    keys = dict.fromkeys(key for need in kept for key in around.known[need.place].keys)
    accepts = {
        key: need.requirement.accepts
        for need in kept
        if need.requirement.accepts
        for key in around.known[need.place].keys
    }
    return tuple(keys), accepts


def _parts(spec: JobSpec, placed: Placed, around: _Around, reading: Reading) -> Iterator[JobSpec]:
    needs, accepts = _needs(placed, around)
    skip = around.skips[placed.place.name]
    terms = replace(spec.terms, accepts=accepts, skip=skip) if accepts or skip else spec.terms
    total = len(placed.keys)
    if total > 1 and terms.serial_group and not terms.serial_unit:
        terms = replace(terms, serial_unit=placed.keys[0])
    for number, key in enumerate(placed.keys, start=1):
        yield replace(
            spec,
            key=key,
            name=f"{spec.name} ({number} of {total})" if total > 1 else spec.name,
            needs=needs,
            terms=terms,
            env=_part_env(spec, number, total, reading),
        )


def _part_env(spec: JobSpec, number: int, total: int, reading: Reading) -> Mapping[str, str]:
    grammar = reading.grammar
    if total == 1 and not grammar.job_variable:
        return spec.env
    own = {
        f"{prefix}{name}": str(value)
        for prefix in grammar.node_prefixes
        for name, value in (("NODE_INDEX", number - 1), ("NODE_TOTAL", total))
    }
    named = {grammar.job_variable: spec.name} if grammar.job_variable else {}
    return {**named, **spec.env, **own}
