"""One entry of `jobs:`, read with the values it is used with."""

from collections.abc import Mapping
from dataclasses import dataclass

from flowforge.dialects.findings import Findings
from flowforge.dialects.native.container import NOWHERE, container
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.definitions import with_executor
from flowforge.dialects.native.duration import duration
from flowforge.dialects.native.environment import environment
from flowforge.dialects.native.fields import items, one_of, whole_number
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
from flowforge.model.step_spec import Checkout

MOST_PARTS = 1000

_NETWORKS = tuple(Network)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A job as it is defined, for one set of values: in how many parts, and why it takes no part where it does not."""

    spec: JobSpec
    parts: int = 1
    skip: str = ""


def job(
    definition: Definition,
    values: Mapping[str, Node],
    around: tuple[Node | None, Node | None],
    reading: Reading,
) -> Work:
    """Its spec is keyed by its name in `jobs:` and without needs. `around` are steps before and behind its own."""
    expanded = reading.expander.expand(definition.body, values)
    body = expanded if isinstance(expanded, Map) else definition.body
    if body is definition.body and around == (None, None):
        return reading.once("job", body, lambda: _job(definition.key, body, around, reading))
    return _job(definition.key, body, around, reading)


def _job(key: Scalar, own: Map, around: tuple[Node | None, Node | None], reading: Reading) -> Work:
    parts = own.get("parallelism")
    return Work(
        spec=_spec(key, own, around, reading),
        parts=whole_number(parts, "`parallelism`", 1, MOST_PARTS, reading.findings) if parts else 1,
        skip=job_left_out(own, reading),
    )


def _spec(key: Scalar, own: Map, around: tuple[Node | None, Node | None], reading: Reading) -> JobSpec:
    findings = reading.findings
    body, executor = with_executor(own, reading)
    place = container(body, reading) if _has_place(body) else NOWHERE
    size, wanted = resources(body.get("resource_class"), findings)
    done = _steps(key, body, around, reading)
    title, where, timeout = body.get("name"), body.get("working_directory"), body.get("timeout")
    network, grant = body.get("network"), body.get("grant")
    return JobSpec(
        key=key.text,
        name=label(title, "`name`", findings) if title else key.text,
        steps=done,
        image=place.image,
        env=_env(place.env, executor, own, reading),
        working_directory=_folder(where, reading),
        secrets=_secrets(body, findings),
        clone=_clone(done, reading),
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
    return folder(node, "`working_directory`", reading.findings, reading.grammar.folder)


def _clone(done: Steps, reading: Reading) -> Clone:
    by_step = reading.grammar.cloning is Cloning.BY_STEP_ONLY
    return (
        Clone.BY_STEP
        if by_step or any(isinstance(each.do, Checkout) for each in done)
        else Clone.BEFORE_STEPS
    )


def _env(image_env: Mapping[str, str], executor: Map | None, own: Map, reading: Reading) -> Mapping[str, str]:
    """The nearest one wins: the job's, its executor's, its image's."""
    parts = [image_env]
    for body in (executor, own):
        node = body.get("environment") if body else None
        if node is not None:
            parts.append(_environment(node, reading))
    return {name: value for part in parts for name, value in part.items()}


def _environment(node: Node, reading: Reading) -> Mapping[str, str]:
    return reading.once("environment", node, lambda: environment(node, reading.findings))


def _steps(key: Scalar, body: Map, around: tuple[Node | None, Node | None], reading: Reading) -> Steps:
    node = body.get("steps")
    if node is None:
        hint = "write `steps:` with at least one line such as `- run: make test`"
        reading.findings.error("missing-key", key.mark, "this job has no `steps`", hint)
        return ()
    place = Around(shell=shell_of(body.get("shell"), reading.findings))
    before, behind = around
    lists = [each for each in (before, node, behind) if each is not None]
    return tuple(step for each in lists for step in steps(each, place, reading))


def _secrets(body: Map, findings: Findings) -> tuple[SecretRef, ...]:
    node = body.get("secrets")
    if node is None:
        return ()
    names = [variable(each, "a secret's name", findings) for each in items(node, "`secrets`", findings)]
    return tuple(SecretRef(name=each) for each in dict.fromkeys(names))
