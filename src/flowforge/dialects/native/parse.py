"""A whole file, in any dialect that shares this grammar."""

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath

from flowforge.dialects.expand import Expander
from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.concurrency import concurrency
from flowforge.dialects.native.definitions import definitions
from flowforge.dialects.native.environment import environment
from flowforge.dialects.native.fields import check_keys, flag, mapping, text
from flowforge.dialects.native.filters import paths_left_out
from flowforge.dialects.native.grammar import NATIVE_GRAMMAR, Grammar
from flowforge.dialects.native.inputs import declared_inputs, expect_inputs, input_specs, input_values
from flowforge.dialects.native.jobs import jobs
from flowforge.dialects.native.limits import check_limits
from flowforge.dialects.native.names import label
from flowforge.dialects.native.parameters import Parameter
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.triggers import triggers
from flowforge.dialects.node import Map, Node, Scalar
from flowforge.dialects.outside import outsider
from flowforge.dialects.tree import Refused
from flowforge.dialects.yaml import read
from flowforge.model.inputs import NOTHING_GIVEN, Given
from flowforge.model.job_spec import JobSpec
from flowforge.model.pipeline_config import OnFailure, Parsed, PipelineConfig
from flowforge.model.problem import Mark
from flowforge.model.schedule import Schedule


def parse(text: str, path: str, given: Given = NOTHING_GIVEN) -> Parsed:
    """Never raises on text. Bytes that may not be UTF-8 are best decoded with `surrogateescape`: the place is named."""
    return parse_with(NATIVE_GRAMMAR, text, path, given)


def parse_with(grammar: Grammar, text: str, path: str, given: Given) -> Parsed:
    findings = Findings(path)
    root = read(text, findings)
    body = mapping(root, "the file", findings) if root else None
    try:
        pipeline = _begun(body, grammar, given, findings) if body else None
    except Refused:
        pipeline = None
    return Parsed(pipeline=None if findings.failed else pipeline, problems=findings.problems)


def _begun(root: Map, grammar: Grammar, given: Given, findings: Findings) -> PipelineConfig:
    declared = declared_inputs(root, findings)
    inputs = input_values(declared, given, _place_of(root, "parameters"), findings)
    expander = Expander({**_values(grammar, given, root.mark), **inputs}, findings)
    body = expander.begin(root)
    check_keys(body, grammar.words.top, findings)
    _check_version(body, grammar, findings)
    grammar.check(body, findings)
    reading = Reading(findings=findings, grammar=grammar, given=given, expander=expander)
    reading.executors = definitions(body.get("executors"), "executor", grammar.words.executor, reading)
    reading.commands = definitions(body.get("commands"), "command", vocabulary.COMMAND, reading)
    return _pipeline(body, declared, reading)


def _place_of(root: Map, key: str) -> Mark:
    entry = root.entries.get(key)
    return entry.key.mark if entry else root.mark


def _values(grammar: Grammar, given: Given, mark: Mark) -> Mapping[str, Node]:
    place = Scalar(text="", value="", mark=mark)
    return {
        name: outsider(value, place)
        if isinstance(value, str)
        else Scalar(text=str(value).lower(), value=value, mark=mark)
        for name, value in grammar.values(given).items()
    }


def _pipeline(body: Map, declared: Mapping[str, Parameter], reading: Reading) -> PipelineConfig:
    findings = reading.findings
    told, env = reading.grammar.env(reading.given), environment(body.get("environment"), findings)
    started = triggers(body.get("triggers"), declared, reading)
    reading.schedules = started.schedules
    placed = jobs(body, reading)
    check_limits(placed, {**told, **env}, body.mark, findings)
    title = body.get("name")
    _check_schedules(reading.schedules, body, findings)
    skip = started.skip or paths_left_out(body.get("paths"), reading) or _nobody_left(placed)
    if not skip:
        expect_inputs(declared, reading.given, findings)
    return PipelineConfig(
        name=label(title, "`name`", findings) if title else PurePosixPath(findings.path).stem,
        dialect=reading.grammar.name,
        path=findings.path,
        jobs=placed,
        env=env,
        occasion=told,
        on_failure=_on_failure(body, findings),
        concurrency=concurrency(body.get("concurrency"), reading),
        inputs=input_specs(declared),
        schedules=reading.schedules,
        upstreams=started.upstreams,
        skip=skip,
    )


def _check_schedules(schedules: tuple[Schedule, ...], body: Map, findings: Findings) -> None:
    names = Counter(each.name for each in schedules)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        mark = _place_of(body, "triggers" if "triggers" in body.entries else "workflows")
        message = f"two schedules are called {quote(twice)}"
        findings.error("duplicate-key", mark, message, "give each another name")


def _nobody_left(jobs: tuple[JobSpec, ...]) -> str:
    """A run none of whose jobs takes part is left out as a whole."""
    if not jobs or any(not job.terms.skip for job in jobs):
        return ""
    return f"none of its jobs takes part: {jobs[0].name}: {jobs[0].terms.skip}"


def _check_version(body: Map, grammar: Grammar, findings: Findings) -> None:
    node = body.get("version")
    if node is None:
        return
    version = text(node, "`version`", findings)
    if version and version not in grammar.versions:
        hint = "write `version: 2.1`, or leave it out"
        findings.error("unsupported-version", node.mark, f"there is no version {quote(version)}", hint)


def _on_failure(body: Map, findings: Findings) -> OnFailure:
    node = body.get("fail_fast")
    stop = True if node is None else flag(node, "`fail_fast`", findings)
    return OnFailure.STOP if stop else OnFailure.CONTINUE
