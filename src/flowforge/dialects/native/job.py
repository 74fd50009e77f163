"""One entry of `jobs:`, read with the values it is used with."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from flowforge.dialects.findings import Findings
from flowforge.dialects.native.container import NOWHERE, container
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.definitions import with_executor
from flowforge.dialects.native.duration import duration
from flowforge.dialects.native.environment import environment
from flowforge.dialects.native.fields import items, one_of, text, unusable_word, whole_number
from flowforge.dialects.native.grammar import Cloning
from flowforge.dialects.native.names import folder, label, variable, word
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.resources import resources
from flowforge.dialects.native.run_step import shell_of
from flowforge.dialects.native.step import Around, Steps, steps
from flowforge.dialects.native.taking_part import job_left_out
from flowforge.dialects.native.terms import terms
from flowforge.dialects.node import Map, Node, Scalar
from flowforge.model.job_spec import Clone, JobSpec
from flowforge.model.resources import Network
from flowforge.model.secret_ref import SecretRef
from flowforge.model.step_spec import Checkout, Script, StepSpec

BUILD = "build"
NOTHING = "no-op"
APPROVAL = "approval"
MOST_PARTS = 1000

_NETWORKS = tuple(Network)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A job but for its steps and its own environment, which is what differs most among the jobs of a matrix. `spec`
    has the environment that it brings along; `skip` says why the job takes no part where it does not."""

    spec: JobSpec
    shell: tuple[str, ...] = ()
    parts: int = 1
    skip: str = ""


class Work(NamedTuple):
    """A job as it is defined, for one set of values."""

    outline: Outline
    steps: Steps
    env: Mapping[str, str]
    clone: Clone


Beside = tuple[Node | None, Node | None]
"""Steps before and behind a job's own."""

_VARIED = frozenset({"steps", "environment"})


def job(definition: Definition, values: Mapping[str, Node], around: Beside, reading: Reading) -> Work:
    """Its spec is keyed by its name in `jobs:` and without needs."""
    expanded = reading.expander.expand(definition.body, values)
    body = expanded if isinstance(expanded, Map) else definition.body
    outline = reading.outline_of(
        definition.body, _VARIED, partial(_outline, definition.key, body, definition.family, reading)
    )
    place = Around(shell=outline.shell, family=definition.family)
    done = _steps(definition.key, body, place, around, reading)
    own = body.get("environment")
    env = outline.spec.env
    if own is not None:
        env = {**env, **_environment(own, reading)}
    return Work(outline=outline, steps=done, env=env, clone=_clone(done, reading))


def _outline(key: Scalar, own: Map, family: str, reading: Reading) -> Outline:
    body, executor = with_executor(own, family, reading)
    parts = own.get("parallelism")
    return Outline(
        spec=_spec(key, body, executor, reading),
        shell=shell_of(body.get("shell"), reading.findings),
        parts=whole_number(parts, "`parallelism`", 1, MOST_PARTS, reading.findings) if parts else 1,
        skip=job_left_out(own, reading),
    )


def _spec(key: Scalar, body: Map, executor: Map | None, reading: Reading) -> JobSpec:
    findings = reading.findings
    place = container(body, reading) if _has_place(body) else NOWHERE
    size, wanted = resources(body.get("resource_class"), findings)
    title, where, timeout = body.get("name"), body.get("working_directory"), body.get("timeout")
    network, grant = body.get("network"), body.get("grant")
    brought = executor.get("environment") if executor else None
    return JobSpec(
        key=key.text,
        name=label(title, "`name`", findings) if title else key.text,
        steps=(),
        image=place.image,
        sign_in=place.sign_in,
        env={**place.env, **_environment(brought, reading)} if brought else place.env,
        working_directory=_folder(where, reading),
        secrets=tuple(dict.fromkeys((*_secrets(body, findings), *place.secrets))),
        timeout=duration(timeout, "`timeout`", findings) if timeout else None,
        terms=terms(body, wanted, findings),
        services=place.services,
        reach=reading.grammar.reach,
        resources=size,
        network=Network(one_of(network, "`network`", _NETWORKS, findings)) if network else Network.OPEN,
        grant=word(grant, "`grant`", findings) if grant else "",
    )


def _has_place(body: Map) -> bool:
    return any(key in body.entries for key in ("docker", "image", "services"))


def _folder(node: Node | None, reading: Reading) -> str | None:
    if node is None:
        return None
    return folder(node, "`working_directory`", reading.findings, reading.grammar.job_folder)


def _clone(done: Steps, reading: Reading) -> Clone:
    by_step = reading.grammar.cloning is Cloning.BY_STEP_ONLY
    return (
        Clone.BY_STEP
        if by_step or any(isinstance(each.do, Checkout) for each in done)
        else Clone.BEFORE_STEPS
    )


def _environment(node: Node, reading: Reading) -> Mapping[str, str]:
    return reading.once("environment", node, lambda: environment(node, reading.findings))


def is_gate(body: Map) -> bool:
    """A job that is defined as an approval."""
    kind = body.get("type")
    return isinstance(kind, Scalar) and kind.text == APPROVAL


def _does_nothing(body: Map, reading: Reading) -> bool:
    """A job of another type than `build`: one that only stands for others in `requires`."""
    kind = body.get("type")
    if kind is None:
        return False
    word = text(kind, "`type`", reading.findings)
    types = reading.grammar.words.job_type
    if isinstance(kind, Scalar) and word and word not in types.now:
        unusable_word(kind, types, "bad-value", reading.findings)
    return word != BUILD


def _steps(key: Scalar, body: Map, place: Around, around: Beside, reading: Reading) -> Steps:
    node = body.get("steps")
    if _does_nothing(body, reading):
        return (StepSpec(name=NOTHING, do=Script(text=":")),)
    if node is None:
        hint = "write `steps:` with at least one line such as `- run: make test`"
        reading.findings.error("missing-key", key.mark, "this job has no `steps`", hint)
        return ()
    if around == (None, None):
        return steps(node, place, reading)
    before, behind = around
    lists = [each for each in (before, node, behind) if each is not None]
    return tuple(step for each in lists for step in steps(each, place, reading))


def _secrets(body: Map, findings: Findings) -> tuple[SecretRef, ...]:
    node = body.get("secrets")
    if node is None:
        return ()
    names = [variable(each, "a secret's name", findings) for each in items(node, "`secrets`", findings)]
    return tuple(SecretRef(name=each) for each in dict.fromkeys(names))
