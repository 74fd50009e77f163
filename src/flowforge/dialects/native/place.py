"""A job in a workflow: one for each combination of its matrix."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from flowforge.dialects.findings import quote
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.fields import (
    check_keys,
    flag,
    is_null,
    mapping,
    one_of,
    single_entry,
    text,
    texts,
    wrong_type,
)
from flowforge.dialects.native.job import Work, job
from flowforge.dialects.native.matrix import Combination, matrix, title_of
from flowforge.dialects.native.names import group, name, word
from flowforge.dialects.native.parameters import bind
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.requirement import Requirement, requirements
from flowforge.dialects.native.taking_part import place_left_out
from flowforge.dialects.node import Entry, Map, Node, Scalar
from flowforge.model.job_spec import JobSpec
from flowforge.model.job_terms import JobKind, JobTerms
from flowforge.model.problem import Mark

APPROVAL = "approval"
TYPES = ("build", APPROVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`name` is what `requires` calls it, and `family` what it calls all places of one matrix. `spec` is None where
    the job cannot be read."""

    name: str
    job: str
    mark: Mark
    family: str = ""
    requires: tuple[Requirement, ...] = ()
    spec: JobSpec | None = None
    parts: int = 1
    skip: str = ""


def places(node: Node, jobs: Mapping[str, Definition], reading: Reading) -> Iterator[Place]:
    entry = _entry(node, reading)
    if entry is None:
        return
    if not isinstance(entry.value, Map):
        mapping(entry.value, f"what stands below {quote(entry.key.text)}", reading.findings)
        return
    if _is_gate(entry.value, reading):
        yield _gate(entry.key, entry.value, reading)
        return
    definition = jobs.get(entry.key.text)
    if definition is None:
        _unknown(entry.key, jobs, reading)
        yield Place(name=_own_name(entry.value, entry.key, reading) or entry.key.text, job="", mark=node.mark)
        return
    words = reading.grammar.words.place
    known = replace(words, now=(*words.now, *definition.parameters)) if definition.parameters else words
    check_keys(entry.value, known, reading.findings)
    yield from _placed(entry.key, entry.value, definition, reading)


def _entry(node: Node, reading: Reading) -> Entry | None:
    if isinstance(node, Scalar):
        key = Scalar(text=text(node, "a job's name", reading.findings), value=node.value, mark=node.mark)
        return Entry(key=key, value=Map(entries={}, mark=node.mark)) if key.text else None
    entry = single_entry(node) if isinstance(node, Map) else None
    if entry is None:
        hint = "write `- name`, or `- name:` with `requires:` indented below it"
        message = "a workflow's job must be its name, or a mapping with one key"
        reading.findings.error("wrong-type", node.mark, message, hint)
    elif is_null(entry.value):
        return Entry(key=entry.key, value=Map(entries={}, mark=entry.key.mark))
    return entry


def _unknown(key: Scalar, jobs: Mapping[str, Definition], reading: Reading) -> None:
    near = reading.findings.nearest(key.text, jobs)
    hint = (
        f"did you mean {quote(near)}?" if near else f"define {quote(key.text)} below the top level's `jobs`"
    )
    reading.findings.error("unknown-job", key.mark, f"there is no job {quote(key.text)}", hint)


def _is_gate(body: Map, reading: Reading) -> bool:
    node = body.get("type")
    return node is not None and one_of(node, "`type`", TYPES, reading.findings) == APPROVAL


def _gate(key: Scalar, body: Map, reading: Reading) -> Place:
    check_keys(body, reading.grammar.words.place, reading.findings)
    title = _own_name(body, key, reading) or name(key, "a gate", reading.findings)
    spec = JobSpec(key=title, name=title, steps=(), terms=JobTerms(kind=JobKind.APPROVAL))
    return Place(
        name=title,
        job=key.text,
        mark=key.mark,
        requires=requirements(body.get("requires"), reading),
        spec=spec,
        skip=place_left_out(body, reading),
    )


def _own_name(body: Map, key: Scalar, reading: Reading) -> str:
    node = body.get("name")
    if node is None:
        return ""
    if isinstance(node, Scalar):
        return name(node, "a job", reading.findings)
    wrong_type(node, "`name`", "text", reading.findings)
    return key.text


def _placed(key: Scalar, body: Map, definition: Definition, reading: Reading) -> Iterator[Place]:
    node = body.get("matrix")
    short = definition.body.get("matrix")
    if node is None and short is None:
        yield _one(key, body, definition, {}, {}, reading)
        return
    found = matrix(node or short or body, reading)
    rest = Map(
        entries={each: body.entries[each] for each in body.entries if each != "matrix"}, mark=body.mark
    )
    family = found.alias or key.text
    for combination in found.combinations:
        values = {f"matrix.{name}": value for name, value in combination.items()}
        expanded = reading.expander.expand(rest, values)
        given = combination if node else _declared(combination, definition)
        place = _one(key, expanded if isinstance(expanded, Map) else rest, definition, given, values, reading)
        named = place if "name" in rest.entries else _titled(place, title_of(combination))
        yield replace(named, family=family)


def _declared(combination: Combination, definition: Definition) -> Combination:
    """Of a matrix that stands at the job itself, the values that are also its parameters."""
    return {name: value for name, value in combination.items() if name in definition.parameters}


def _titled(place: Place, title: str) -> Place:
    named = f"{place.name}-{title}" if title else place.name
    spec = place.spec
    if spec and spec.name != place.job:
        spec = replace(spec, name=f"{spec.name} ({title})")
    elif spec:
        spec = replace(spec, name=named)
    return replace(place, name=named, spec=spec)


def _one(
    key: Scalar,
    body: Map,
    definition: Definition,
    combination: Combination,
    values: Mapping[str, Node],
    reading: Reading,
) -> Place:
    arguments = {**_arguments(body, definition), **combination}
    noun = f"the job {quote(key.text)}"
    bound = (
        bind(definition.parameters, arguments, noun, key.mark, reading.findings)
        if arguments or definition.parameters
        else {}
    )
    work = job(definition, {**bound, **values}, (body.get("pre-steps"), body.get("post-steps")), reading)
    title = _own_name(body, key, reading)
    return Place(
        name=title or key.text,
        job=key.text,
        mark=key.mark,
        requires=requirements(body.get("requires"), reading),
        spec=_spec(work, body, title, reading),
        parts=work.parts,
        skip=work.skip or place_left_out(body, reading),
    )


def _arguments(body: Map, definition: Definition) -> Mapping[str, Node]:
    return {name: body.entries[name].value for name in definition.parameters if name in body.entries}


def _spec(work: Work, body: Map, title: str, reading: Reading) -> JobSpec:
    """With what the workflow says of the job, which goes before what the job says of itself."""
    spec = replace(work.spec, name=title) if title else work.spec
    ignored, serial, target, groups = (
        body.get(each) for each in ("allow_failure", "serial-group", "deploy_to", "context")
    )
    if groups:
        spec = replace(spec, secret_groups=texts(groups, "`context`", reading.findings))
    if not (ignored or serial or target):
        return spec
    terms = spec.terms
    if ignored:
        terms = replace(terms, allow_failure=bool(flag(ignored, "`allow_failure`", reading.findings)))
    if serial:
        terms = replace(terms, serial_group=group(serial, "`serial-group`", reading.findings))
    if target:
        terms = replace(terms, environment=word(target, "`deploy_to`", reading.findings))
    return replace(spec, terms=terms)
