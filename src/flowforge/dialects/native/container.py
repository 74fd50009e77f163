"""Where a job's steps run, and what runs beside them."""

import shlex
from dataclasses import dataclass, field, replace

from flowforge.dialects.findings import Findings
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.duration import duration
from flowforge.dialects.native.environment import environment
from flowforge.dialects.native.fields import check_keys, items, mapping, own_text, text, texts, whole_number
from flowforge.dialects.native.names import image, word
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.sign_in import sign_in
from flowforge.dialects.node import Entry, Map, Node, Scalar, Sequence
from flowforge.model.secret_ref import SecretRef
from flowforge.model.service_spec import HealthCheck, ServiceSpec
from flowforge.model.sign_in import SignIn

MOST_SERVICES = 50
LONGEST_WAIT = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    image: str | None = None
    sign_in: SignIn | None = None
    env: dict[str, str] = field(default_factory=dict)
    services: tuple[ServiceSpec, ...] = ()

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        """What its images are pulled with."""
        found = (self.sign_in, *(service.sign_in for service in self.services))
        return tuple(secret for each in found if each for secret in each.secrets)


NOWHERE = Container()


def container(body: Map, reading: Reading) -> Container:
    """Of a job, or of an executor."""
    findings = reading.findings
    short, long = body.get("image"), body.get("docker")
    if short and long:
        hint = "keep `docker`, and write the image there"
        findings.error("conflicting-keys", short.mark, "a job has `image` or `docker`, not both", hint)
    first = NOWHERE
    if long:
        first = reading.once("docker", long, lambda: _docker(long, reading))
    elif short:
        first = Container(image=image(short, findings))
    more = body.get("services")
    if more is None:
        return first
    services = reading.once("services", more, lambda: _services(more, reading))
    return replace(first, services=(*first.services, *services))


def _docker(node: Node, reading: Reading) -> Container:
    findings = reading.findings
    found = items(node, "`docker`", findings)
    services = tuple(_service(each, None, reading) for each in found[1 : MOST_SERVICES + 1])
    if len(found) > MOST_SERVICES:
        message = f"a job has at most {MOST_SERVICES} services"
        findings.error("too-many", found[MOST_SERVICES].mark, message, "start fewer")
    first = mapping(found[0], "a `docker` entry", findings) if found else None
    if first is None:
        return NOWHERE
    check_keys(first, reading.grammar.words.container, findings)
    reference = first.get("image")
    if reference is None:
        findings.error("missing-key", first.mark, "this entry has no `image`", "write `- image: python:3.12`")
        return NOWHERE
    return Container(
        image=image(reference, findings),
        sign_in=sign_in(first, findings),
        env=environment(first.get("environment"), findings),
        services=services,
    )


def _services(node: Node, reading: Reading) -> tuple[ServiceSpec, ...]:
    """A list as below `docker`, or a mapping by name whose values may be the image alone."""
    if isinstance(node, Map):
        entries = list(node.entries.values())
        return tuple(_service(each.value, each, reading) for each in entries[:MOST_SERVICES])
    return tuple(
        _service(each, None, reading) for each in items(node, "`services`", reading.findings)[:MOST_SERVICES]
    )


def _service(node: Node, key: Entry | None, reading: Reading) -> ServiceSpec:
    findings = reading.findings
    names = (word(key.key, "a service's name", findings),) if key else ()
    if isinstance(node, Scalar):
        reference = image(node, findings)
        return ServiceSpec(names=names or (_name_of(reference),), image=reference)
    body = mapping(node, "a service", findings, "write `- image: postgres:16`")
    if body is None:
        return ServiceSpec(names=names, image="")
    check_keys(body, reading.grammar.words.service, findings)
    found = body.get("image")
    if found is None:
        findings.error("missing-key", body.mark, "this service has no `image`", "write `image: postgres:16`")
        return ServiceSpec(names=names, image="")
    reference = image(found, findings)
    user, ports, health, wait = (body.get(each) for each in ("user", "ports", "health", "deadline"))
    return ServiceSpec(
        names=_names(names, body, reference, findings),
        image=reference,
        env=environment(body.get("environment"), findings),
        entrypoint=_argv(body.get("entrypoint"), "`entrypoint`", findings),
        command=_argv(body.get("command"), "`command`", findings),
        user=word(user, "`user`", findings) if user else "",
        ports=_ports(ports, findings) if ports else (),
        health=_health(health, findings) if health else None,
        sign_in=sign_in(body, findings),
        **({"deadline": duration(wait, "`deadline`", findings, LONGEST_WAIT)} if wait else {}),
    )


def _names(names: tuple[str, ...], body: Map, reference: str, findings: Findings) -> tuple[str, ...]:
    own, others = body.get("name"), body.get("aliases")
    if own:
        names = (*names, word(own, "`name`", findings))
    if others:
        nodes = others.items if isinstance(others, Sequence) else (others,)
        names = (*names, *(word(each, "an alias", findings) for each in nodes))
    return tuple(dict.fromkeys(names)) or (_name_of(reference),)


def _name_of(reference: str) -> str:
    """The last part of the image's name."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _argv(node: Node | None, what: str, findings: Findings) -> tuple[str, ...]:
    if node is None:
        return ()
    if isinstance(node, Sequence):
        return tuple(text(each, f"an item of {what}", findings) for each in node.items)
    try:
        return tuple(shlex.split(own_text(node, what, findings)))
    except ValueError:
        findings.error("bad-value", node.mark, f"{what} has an open quote", "write it as a list of words")
        return ()


def _ports(node: Node, findings: Findings) -> tuple[int, ...]:
    nodes = node.items if isinstance(node, Sequence) else (node,)
    return tuple(whole_number(each, "a port", 1, 65535, findings) for each in nodes)


def _health(node: Node, findings: Findings) -> HealthCheck | None:
    if not isinstance(node, Map):
        return HealthCheck(command=_check(node, findings))
    check_keys(node, vocabulary.HEALTH, findings)
    command, interval, timeout = (node.get(each) for each in ("command", "interval", "timeout"))
    if command is None:
        hint = "write `command: pg_isready`"
        findings.error("missing-key", node.mark, "`health` has no `command`", hint)
        return None
    check = HealthCheck(command=_check(command, findings))
    return HealthCheck(
        command=check.command,
        interval=duration(interval, "`interval`", findings, LONGEST_WAIT) if interval else check.interval,
        timeout=duration(timeout, "`timeout`", findings, LONGEST_WAIT) if timeout else check.timeout,
    )


def _check(node: Node, findings: Findings) -> tuple[str, ...]:
    """A text is for the service's shell, a list is its words."""
    if isinstance(node, Sequence):
        return texts(node, "`command`", findings)
    return ("sh", "-c", own_text(node, "`command`", findings))
