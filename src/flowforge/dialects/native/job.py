"""One entry of `jobs:`."""

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.duration import duration
from flowforge.dialects.native.environment import environment
from flowforge.dialects.native.fields import check_keys, items, mapping
from flowforge.dialects.native.names import folder, image, label, name, variable
from flowforge.dialects.native.step import shell_of, step
from flowforge.dialects.node import Entry, Map, Node
from flowforge.model.job_spec import Clone, JobSpec
from flowforge.model.secret_ref import SecretRef
from flowforge.model.step_spec import Checkout, StepSpec

MOST_STEPS = 1000


def job(entry: Entry, findings: Findings) -> JobSpec:
    """Keyed by its name in `jobs:` and without needs."""
    key = name(entry.key, "a job", findings)
    body = mapping(entry.value, f"the job {quote(key)}", findings)
    if body is None:
        return JobSpec(key=key, name=key, steps=())
    check_keys(body, vocabulary.JOB, findings)
    container_image, container_env = _container(body, findings)
    steps = _steps(entry, body, findings)
    title, place, timeout = body.get("name"), body.get("working_directory"), body.get("timeout")
    return JobSpec(
        key=key,
        name=label(title, "`name`", findings) if title else key,
        steps=steps,
        image=container_image,
        env={**container_env, **environment(body.get("environment"), findings)},
        working_directory=folder(place, "`working_directory`", findings) if place else None,
        secrets=_secrets(body, findings),
        clone=Clone.BY_STEP if any(isinstance(each.do, Checkout) for each in steps) else Clone.BEFORE_STEPS,
        timeout=duration(timeout, "`timeout`", findings) if timeout else None,
    )


def _container(body: Map, findings: Findings) -> tuple[str | None, dict[str, str]]:
    short, long = body.get("image"), body.get("docker")
    if short and long:
        hint = "keep `docker`, and write the image there"
        findings.error("conflicting-keys", short.mark, "a job has `image` or `docker`, not both", hint)
    if long:
        return _docker(long, findings)
    return (image(short, findings) if short else None), {}


def _docker(node: Node, findings: Findings) -> tuple[str | None, dict[str, str]]:
    containers = items(node, "`docker`", findings)
    for service in containers[1:]:
        hint = "start the service in a step"
        findings.error(
            "not-supported-yet", service.mark, "a second image, a service, is not supported yet", hint
        )
    if not containers:
        return None, {}
    first = mapping(containers[0], "a `docker` entry", findings)
    if first is None:
        return None, {}
    check_keys(first, vocabulary.CONTAINER, findings)
    reference = first.get("image")
    if reference is None:
        findings.error("missing-key", first.mark, "this entry has no `image`", "write `- image: python:3.12`")
        return None, {}
    return image(reference, findings), environment(first.get("environment"), findings)


def _steps(entry: Entry, body: Map, findings: Findings) -> tuple[StepSpec, ...]:
    node = body.get("steps")
    if node is None:
        hint = "write `steps:` with at least one line such as `- run: make test`"
        findings.error("missing-key", entry.key.mark, "this job has no `steps`", hint)
        return ()
    nodes = items(node, "`steps`", findings)
    if len(nodes) > MOST_STEPS:
        hint = "call a script of the repository"
        findings.error("too-many", nodes[MOST_STEPS].mark, f"a job has at most {MOST_STEPS} steps", hint)
    shell = shell_of(body.get("shell"), findings)
    read = (step(each, shell, findings) for each in nodes[:MOST_STEPS])
    return tuple(each for each in read if each)


def _secrets(body: Map, findings: Findings) -> tuple[SecretRef, ...]:
    node = body.get("secrets")
    if node is None:
        return ()
    names = [variable(each, "a secret's name", findings) for each in items(node, "`secrets`", findings)]
    return tuple(SecretRef(name=each) for each in dict.fromkeys(names))
