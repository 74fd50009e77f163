"""A job in a workflow: one for each combination of its matrix."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

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
from flowforge.dialects.native.job import APPROVAL, Beside, is_gate, job
from flowforge.dialects.native.matrix import Combination, matrix, title_of
from flowforge.dialects.native.names import group, name, word
from flowforge.dialects.native.parameters import Checked, bind
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.requirement import Requirement, requirements
from flowforge.dialects.native.step import Steps
from flowforge.dialects.native.taking_part import place_left_out
from flowforge.dialects.node import Entry, Map, Node, Scalar
from flowforge.model.job_spec import Clone, JobSpec
from flowforge.model.job_terms import NO_TERMS, JobKind, JobTerms
from flowforge.model.problem import Mark

NO_ENV: Mapping[str, str] = {}
NO_VALUES: Mapping[str, Node] = {}
TYPES = ("build", APPROVAL)


class Own(NamedTuple):
    """What a job of a workflow says beside what it shares with others."""

    title: str
    steps: Steps = ()
    env: Mapping[str, str] = NO_ENV
    clone: Clone = Clone.BEFORE_STEPS
    terms: JobTerms = NO_TERMS
    secret_groups: tuple[str, ...] = ()


class Place(NamedTuple):
    """`name` is what `requires` calls it, `family` what it calls all places of one matrix, and each of `groups` all of
    one job group. `shared` is None where the job cannot be read."""

    name: str
    job: str
    mark: Mark
    family: str = ""
    groups: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    shared: JobSpec | None = None
    own: Own = Own(title="")
    parts: int = 1
    skip: str = ""


class Said(NamedTuple):
    """What a workflow says of a job, the same for all combinations where it names none of their values."""

    name: str
    beside: Beside
    requires: tuple[Requirement, ...]
    terms: Mapping[str, Any]
    groups: tuple[str, ...]
    skip: str


class Use(NamedTuple):
    """One combination of a job's matrix: what its place says, the values given for parameters and for `matrix.`, and
    the title that tells it from the others. Like what follows it, as light as can be: there are thousands."""

    body: Map
    given: Combination = NO_VALUES
    values: Mapping[str, Node] = NO_VALUES
    family: str = ""
    title: str = ""
    checked: Checked | None = None


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
    return Place(
        name=title,
        job=key.text,
        mark=key.mark,
        requires=requirements(body.get("requires"), reading),
        shared=JobSpec(key=title, name=title, steps=()),
        own=Own(title=title, env={}, terms=JobTerms(kind=JobKind.APPROVAL)),
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
    rest = reading.expander.kept(
        Map(entries={each: body.entries[each] for each in body.entries if each != "matrix"}, mark=body.mark)
    )
    family = found.alias or key.text
    checked: Checked = {}
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
            checked=checked,
        )
        yield _one(key, definition, use, reading)


def _declared(combination: Combination, definition: Definition) -> Combination:
    """Of a matrix that stands at the job itself, the values that are also its parameters."""
    return {name: value for name, value in combination.items() if name in definition.parameters}


def _one(key: Scalar, definition: Definition, use: Use, reading: Reading) -> Place:
    body = use.body
    arguments = {**_arguments(body, definition), **use.given}
    bound: Mapping[str, Node] = {}
    if arguments or definition.parameters:
        noun = f"the job {quote(key.text)}"
        bound = bind(definition.parameters, arguments, noun, key.mark, reading.findings, use.checked)
    said = reading.once("place", body, partial(_said, key, body, reading))
    work = job(definition, {**bound, **use.values}, said.beside, reading)
    outline = work.outline
    own = Own(
        title=_shown(said.name, key.text, outline.spec.name, use.title),
        steps=work.steps,
        env=work.env,
        clone=work.clone,
        terms=replace(outline.spec.terms, **said.terms) if said.terms else outline.spec.terms,
        secret_groups=said.groups,
    )
    return Place(
        name=said.name or (f"{key.text}-{use.title}" if use.title else key.text),
        job=key.text,
        mark=key.mark,
        family=use.family,
        requires=said.requires,
        shared=outline.spec,
        own=own,
        parts=outline.parts,
        skip=outline.skip or said.skip,
    )


def _said(key: Scalar, body: Map, reading: Reading) -> Said:
    groups = body.get("context")
    return Said(
        name=own_name(body, key, reading),
        beside=(body.get("pre-steps"), body.get("post-steps")),
        requires=requirements(body.get("requires"), reading),
        terms=_terms(body, reading.findings),
        groups=texts(groups, "`context`", reading.findings) if groups else (),
        skip=place_left_out(body, reading),
    )


def _shown(own: str, job: str, title: str, combination: str) -> str:
    if own or not combination:
        return own or title
    return f"{job}-{combination}" if title == job else f"{title} ({combination})"


def _arguments(body: Map, definition: Definition) -> Mapping[str, Node]:
    return {name: body.entries[name].value for name in definition.parameters if name in body.entries}


def _terms(body: Map, findings: Findings) -> Mapping[str, Any]:
    """What goes before what the job says of itself."""
    ignored, serial, target = (body.get(each) for each in ("allow_failure", "serial-group", "deploy_to"))
    said: dict[str, Any] = {}
    if ignored:
        said["allow_failure"] = bool(flag(ignored, "`allow_failure`", findings))
    if serial:
        said["serial_group"] = group(serial, "`serial-group`", findings)
    if target:
        said["environment"] = word(target, "`deploy_to`", findings)
    return said
