"""`triggers:` of a workflow: when it runs by itself, and that it does not run otherwise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flowforge.dialects.findings import Findings
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.fields import check_keys, is_null, items, mapping, text
from flowforge.dialects.native.filters import names_left_out
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.triggers import MOST_SCHEDULES, cron, scheduled
from flowforge.dialects.node import Map, Node, Sequence
from flowforge.model.schedule import Schedule
from flowforge.model.trigger import TriggerEvent

_BY_SCHEDULE = "it runs by its schedule only"
_ANOTHER = "this is the run of another schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """The schedules of one workflow, by name, each with its filter on branches."""

    schedules: Mapping[str, Schedule]
    filters: Mapping[str, Node | None]


NEVER = Timed(schedules={}, filters={})


def timed(node: Node | None, title: str, reading: Reading) -> Timed:
    if node is None or is_null(node) or "triggers" not in reading.grammar.words.workflow.now:
        return NEVER
    found = items(node, "`triggers`", reading.findings)
    if len(found) > MOST_SCHEDULES:
        message = f"`triggers` has more than {MOST_SCHEDULES} entries"
        reading.findings.error("too-many", node.mark, message, "write fewer")
    bodies = [body for each in found[:MOST_SCHEDULES] if (body := _schedule(each, reading.findings))]
    names = [title if len(bodies) == 1 else f"{title} {number}" for number in range(1, len(bodies) + 1)]
    return Timed(
        schedules={name: _made(name, body, reading) for name, body in zip(names, bodies, strict=True)},
        filters={name: _branches(body) for name, body in zip(names, bodies, strict=True)},
    )


def why_not_now(own: Timed, others: Mapping[str, Schedule], reading: Reading) -> str:
    """Why a workflow does not take part. `others` are all schedules that workflows of the file have. A schedule that
    the file does not know is somebody's who tries it out."""
    trigger = reading.given.trigger
    if trigger is None:
        return ""
    if trigger.event is not TriggerEvent.SCHEDULE:
        return _BY_SCHEDULE if own.schedules else ""
    if trigger.title in own.schedules:
        filters = own.filters[trigger.title]
        return names_left_out(filters, "branch", trigger.branch, reading) if filters else ""
    known = trigger.title in others or any(each.name == trigger.title for each in reading.schedules)
    return _ANOTHER if trigger.title in others or (own.schedules and known) else ""


def _schedule(node: Node, findings: Findings) -> Map | None:
    hint = 'write `- schedule: {cron: "0 4 * * *", filters: {branches: {only: main}}}`'
    entry = mapping(node, "an item of `triggers`", findings, hint)
    if entry is None:
        return None
    check_keys(entry, vocabulary.WORKFLOW_TRIGGER, findings)
    inner = entry.get("schedule")
    if inner is None:
        findings.error("missing-key", entry.mark, "this trigger has no `schedule`", hint)
        return None
    body = mapping(inner, "`schedule`", findings, hint)
    if body:
        check_keys(body, vocabulary.WORKFLOW_SCHEDULE, findings)
    return body


def _made(name: str, body: Map, reading: Reading) -> Schedule:
    findings = reading.findings
    written, filters = body.get("cron"), body.get("filters")
    if filters and (
        inner := mapping(filters, "`filters`", findings, "write `branches:` with `only:` below it")
    ):
        check_keys(inner, vocabulary.SCHEDULE_FILTERS, findings)
    found = _branches(body)
    if found:
        names_left_out(found, "branch", "", reading)
    if written is None:
        findings.error("missing-key", body.mark, "this schedule has no `cron`", 'write `cron: "0 4 * * *"`')
    branches = scheduled(_named(found, findings), found or body, findings)
    return Schedule(name=name, cron=cron(written, findings) if written else "", branches=branches)


def _branches(body: Map) -> Node | None:
    filters = body.get("filters")
    return filters.get("branches") if isinstance(filters, Map) else None


def _named(node: Node | None, findings: Findings) -> Iterator[str]:
    """A pattern fits branches that nobody knows yet, so it only filters those that are named, or the default one."""
    only = node.get("only") if isinstance(node, Map) else node
    if only is None:
        return
    for each in only.items if isinstance(only, Sequence) else (only,):
        word = text(each, "a name in a filter", findings)
        if word.startswith("/"):
            message = (
                "a pattern schedules no branch: only branches that are named run, or else the default one"
            )
            findings.warning("left-out", each.mark, message, "name the branches")
        else:
            yield word
