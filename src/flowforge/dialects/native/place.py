"""A job in a workflow: one for each combination of its matrix."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from flowforge.dialects.findings import Findings, quote
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
from flowforge.dialects.native.job import APPROVAL, Work, is_gate, job
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

TYPES = ("build", APPROVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`name` is what `requires` calls it, `family` what it calls all places of one matrix, and each of `groups` all of
    one job group. `spec` is None where the job cannot be read."""

    name: str
    job: str
    mark: Mark
    family: str = ""
    groups: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    spec: JobSpec | None = None
    parts: int = 1
    skip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One combination of a job's matrix: what its place says, the values given for parameters and for `matrix.`, and
    the title that tells it from the others."""

    body: Map
    given: Combination = field(default_factory=dict)
    values: Mapping[str, Node] = field(default_factory=dict)
    family: str = ""
    title: str = ""


def places(node: Node, jobs: Mapping[str, Definition], reading: Reading) -> Iterator[Place]:
    entry = invocation(node, reading)
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
        yield Place(name=own_name(entry.value, entry.key, reading) or entry.key.text, job="", mark=node.mark)
        return
    if is_gate(definition.body):
        yield _gate(entry.key, entry.value, reading)
        return
    words = reading.grammar.words.place
    known = replace(words, now=(*words.now, *definition.parameters)) if definition.parameters else words
    check_keys(entry.value, known, reading.findings)
    yield from _placed(entry.key, entry.value, definition, reading)


def invocation(node: Node, reading: Reading) -> Entry | None:
    """The name of a job or group, and what a workflow says of it."""
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
    if reading.explain(key, key.text):
        return
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
    title = own_name(body, key, reading) or name(key, "a gate", reading.findings)
    spec = JobSpec(key=title, name=title, steps=(), terms=JobTerms(kind=JobKind.APPROVAL))
    return Place(
        name=title,
        job=key.text,
        mark=key.mark,
        requires=requirements(body.get("requires"), reading),
        spec=spec,
        skip=place_left_out(body, reading),
    )


def own_name(body: Map, key: Scalar, reading: Reading) -> str:
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
        yield _one(key, definition, Use(body=body), reading)
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
        use = Use(
            body=expanded if isinstance(expanded, Map) else rest,
            given=given,
            values=values,
            family=family,
            title="" if "name" in rest.entries else title_of(combination),
        )
        yield _one(key, definition, use, reading)


def _declared(combination: Combination, definition: Definition) -> Combination:
    """Of a matrix that stands at the job itself, the values that are also its parameters."""
    return {name: value for name, value in combination.items() if name in definition.parameters}


def _one(key: Scalar, definition: Definition, use: Use, reading: Reading) -> Place:
    body = use.body
    arguments = {**_arguments(body, definition), **use.given}
    noun = f"the job {quote(key.text)}"
    bound: Mapping[str, Node] = {}
    if arguments or definition.parameters:
        bound = bind(definition.parameters, arguments, noun, key.mark, reading.findings)
    beside = (body.get("pre-steps"), body.get("post-steps"))
    work = job(definition, {**bound, **use.values}, beside, reading)
    own = own_name(body, key, reading)
    return Place(
        name=own or (f"{key.text}-{use.title}" if use.title else key.text),
        job=key.text,
        mark=key.mark,
        family=use.family,
        requires=requirements(body.get("requires"), reading),
        spec=_spec(work, body, _shown(own, key.text, work.outline.spec.name, use.title), reading),
        parts=work.outline.parts,
        skip=work.outline.skip or place_left_out(body, reading),
    )


def _shown(own: str, job: str, title: str, combination: str) -> str:
    if own or not combination:
        return own or title
    return f"{job}-{combination}" if title == job else f"{title} ({combination})"


def _arguments(body: Map, definition: Definition) -> Mapping[str, Node]:
    return {name: body.entries[name].value for name in definition.parameters if name in body.entries}


def _spec(work: Work, body: Map, name: str, reading: Reading) -> JobSpec:
    """With what the workflow says of the job, which goes before what the job says of itself."""
    outline = work.outline.spec
    groups = body.get("context")
    return replace(
        outline,
        name=name,
        steps=work.steps,
        env=work.env,
        clone=work.clone,
        terms=_terms(outline.terms, body, reading.findings),
        secret_groups=texts(groups, "`context`", reading.findings) if groups else (),
    )


def _terms(terms: JobTerms, body: Map, findings: Findings) -> JobTerms:
    ignored, serial, target = (body.get(each) for each in ("allow_failure", "serial-group", "deploy_to"))
    if ignored:
        terms = replace(terms, allow_failure=bool(flag(ignored, "`allow_failure`", findings)))
    if serial:
        terms = replace(terms, serial_group=group(serial, "`serial-group`", findings))
    if target:
        terms = replace(terms, environment=word(target, "`deploy_to`", findings))
    return terms
