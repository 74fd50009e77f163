"""`triggers:`: what starts the pipeline by itself, and what of the rest it leaves out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.fields import check_keys, is_null, items, mapping, one_of, text
from flowforge.dialects.native.filters import names_left_out, paths_left_out
from flowforge.dialects.native.names import label, word
from flowforge.dialects.native.parameters import Parameter, bind
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.vocabulary import Vocabulary
from flowforge.dialects.node import Map, Node, Scalar, Sequence
from flowforge.dialects.outside import filled
from flowforge.model.cron import parse_cron, zone_named
from flowforge.model.inputs import InputValue
from flowforge.model.schedule import Schedule, Upstream
from flowforge.model.status import Status
from flowforge.model.trigger import TriggerEvent

MOST_SCHEDULES = 100
MOST_BRANCHES = 20
"""Of one schedule, each of which is a run whenever it is due."""
_ENDS = (Status.SUCCESS.value, Status.FAILURE.value, Status.CANCELLED.value)
_FILTERED: Mapping[str, Vocabulary] = {
    "push": vocabulary.PUSH,
    "pull_request": vocabulary.PUSH,
    "tag": vocabulary.TAG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    schedules: tuple[Schedule, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    skip: str = ""


def triggers(node: Node | None, declared: Mapping[str, Parameter], reading: Reading) -> Triggers:
    if node is None or is_null(node):
        return Triggers()
    body = mapping(node, "`triggers`", reading.findings, "write `push:` or `schedule:` below it")
    if body is None:
        return Triggers()
    check_keys(body, vocabulary.TRIGGERS, reading.findings)
    schedule, upstream = body.get("schedule"), body.get("upstream")
    return Triggers(
        schedules=tuple(
            _schedule(each, number, declared, reading)
            for number, each in enumerate(_several(schedule, "`schedule`", reading), start=1)
        ),
        upstreams=tuple(_upstream(each, reading) for each in _several(upstream, "`upstream`", reading)),
        skip=_left_out(body, reading),
    )


def _several(node: Node | None, what: str, reading: Reading) -> tuple[Node, ...]:
    if node is None:
        return ()
    found = (node,) if isinstance(node, Map) else items(node, what, reading.findings)
    if len(found) > MOST_SCHEDULES:
        message = f"{what} has more than {MOST_SCHEDULES} entries"
        reading.findings.error("too-many", node.mark, message, "write fewer")
    return found[:MOST_SCHEDULES]


def _left_out(body: Map, reading: Reading) -> str:
    """All are read for their problems; the one of the occasion decides."""
    reasons = {}
    for name in (*_FILTERED, "manual", "api"):
        if node := body.get(name):
            reasons[name] = _filtered(name, node, reading)
    trigger = reading.given.trigger
    return reasons.get(trigger.event.value, "") if trigger else ""


def _filtered(name: str, node: Node, reading: Reading) -> str:
    if isinstance(node, Scalar) and isinstance(node.value, bool | None):
        return "" if node.value is not False else f"the pipeline says `{name}: false`"
    if name not in _FILTERED:
        message = f"`{name}` must be true or false"
        reading.findings.error("wrong-type", node.mark, message, "write `true` or `false`")
        return ""
    if not isinstance(node, Map):
        return names_left_out(node, *_subject(name, reading), reading)
    check_keys(node, _FILTERED[name], reading.findings)
    names = node.get("tags" if name == "tag" else "branches")
    why = names_left_out(names, *_subject(name, reading), reading) if names else ""
    return why or paths_left_out(node.get("paths"), reading)


def _subject(name: str, reading: Reading) -> tuple[str, str]:
    """What is filtered, and its name. A pull request is filtered by the branch it goes to."""
    noun = "tag" if name == "tag" else "branch"
    trigger = reading.given.trigger
    if trigger is None or trigger.event is not TriggerEvent(name):
        return noun, ""
    if name == "tag":
        return noun, trigger.tag
    return noun, trigger.pull_request.target if trigger.pull_request else trigger.branch


def _schedule(node: Node, number: int, declared: Mapping[str, Parameter], reading: Reading) -> Schedule:
    findings = reading.findings
    name = f"schedule {number}"
    body = mapping(node, "a schedule", findings, 'write `- cron: "0 4 * * *"`')
    if body is None:
        return Schedule(name=name, cron="")
    check_keys(body, vocabulary.SCHEDULE, findings)
    title, written, zone, branches, inputs = (
        body.get(key) for key in ("name", "cron", "timezone", "branches", "inputs")
    )
    if written is None:
        findings.error("missing-key", node.mark, "this schedule has no `cron`", 'write `cron: "0 4 * * *"`')
    return Schedule(
        name=label(title, "`name`", findings) if title else name,
        cron=cron(written, findings) if written else "",
        zone=_zone(zone, findings) if zone else "UTC",
        branches=scheduled(_branches(branches, findings), branches or node, findings),
        inputs=_inputs(inputs, declared, reading) if inputs else {},
    )


def cron(node: Node, findings: Findings) -> str:
    written = text(node, "`cron`", findings)
    wrong = parse_cron(written)
    if written and isinstance(wrong, str):
        hint = 'write five fields such as "30 4 * * mon-fri"'
        findings.error("bad-value", node.mark, f"{quote(written)} cannot be a schedule: {wrong}", hint)
    return written


def _zone(node: Node, findings: Findings) -> str:
    written = text(node, "`timezone`", findings)
    if written and zone_named(written) is None:
        hint = "write a name such as `Europe/Berlin` or `UTC`"
        findings.error("bad-value", node.mark, f"there is no time zone {quote(written)}", hint)
    return written


def scheduled(names: Iterable[str], node: Node, findings: Findings) -> tuple[str, ...]:
    """The branches of one schedule, each once."""
    found = tuple(dict.fromkeys(names))
    if len(found) > MOST_BRANCHES:
        message = f"a schedule of {len(found)} branches: {MOST_BRANCHES} is the most, as each is a run whenever it is due"
        findings.error(
            "too-many", node.mark, message, "name fewer, or write several schedules at different times"
        )
    return found[:MOST_BRANCHES]


def _branches(node: Node | None, findings: Findings) -> tuple[str, ...]:
    if node is None:
        return ()
    nodes = items(node, "`branches`", findings) if isinstance(node, Sequence) else (node,)
    return tuple(label(each, "a branch", findings) for each in nodes)


def _inputs(node: Node, declared: Mapping[str, Parameter], reading: Reading) -> Mapping[str, InputValue]:
    body = mapping(node, "`inputs`", reading.findings)
    if body is None:
        return {}
    given = {name: entry.value for name, entry in body.entries.items()}
    asked = {name: each for name, each in declared.items() if name in given}
    known = {**asked, **{name: each for name, each in declared.items() if each.default is None}}
    bind(known, given, "the schedule", node.mark, reading.findings)
    return {
        name: filled(value) if value.value is None or value.outside else value.value
        for name, value in given.items()
        if isinstance(value, Scalar)
    }


def _upstream(node: Node, reading: Reading) -> Upstream:
    findings = reading.findings
    body = mapping(node, "an upstream", findings, "write `- project: owner/name`")
    if body is None:
        return Upstream()
    check_keys(body, vocabulary.UPSTREAM, findings)
    project, pipeline, status = (body.get(key) for key in ("project", "pipeline", "status"))
    nodes = status.items if isinstance(status, Sequence) else (status,) if status else ()
    ends = tuple(one_of(each, "`status`", _ENDS, findings) for each in nodes)
    return Upstream(
        project=word(project, "`project`", findings) if project else "",
        pipeline=label(pipeline, "`pipeline`", findings) if pipeline else "",
        branches=_branches(body.get("branches"), findings),
        statuses=ends or (Status.SUCCESS.value,),
    )
