"""`jobs:`, `workflows:`, and what of a file nobody uses."""

from collections.abc import Mapping
from functools import partial

from flowforge.dialects.findings import quote
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.fields import check_keys, mapping
from flowforge.dialects.native.groups import Defined, Group, look_at, read_groups
from flowforge.dialects.native.job import job
from flowforge.dialects.native.limits import MOST_DEFINED
from flowforge.dialects.native.names import name
from flowforge.dialects.native.orbs import read_orbs
from flowforge.dialects.native.parameters import ARGUMENTS, parameters, samples
from flowforge.dialects.native.placement import place_jobs
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.step import Around, command_steps
from flowforge.dialects.native.workflow import Workflow, whole_file, workflows
from flowforge.dialects.node import Entry, Map
from flowforge.model.job_spec import JobSpec


def jobs(body: Map, reading: Reading) -> tuple[JobSpec, ...]:
    own = _defined(body, reading)
    defined = {**own, **read_orbs(body.get("orbs"), reading)}
    groups = read_groups(body.get("job-groups"), defined, reading)
    _check_commands(reading)
    order = body.get("workflows")
    if order is None:
        _check_unused_groups(groups, (), Defined(jobs=defined, groups=groups), reading)
        return place_jobs(defined, whole_file(own, reading), reading)
    found = workflows(order, Defined(jobs=defined, groups=groups), reading)
    _check_unused(own, found, reading)
    _check_unused_groups(groups, found, Defined(jobs=defined, groups=groups), reading)
    return place_jobs(defined, found, reading)


def _defined(body: Map, reading: Reading) -> Mapping[str, Definition]:
    read = (_definition(entry, reading) for entry in _entries(body, reading).values())
    return {each.key.text: each for each in read if each}


def _definition(entry: Entry, reading: Reading) -> Definition | None:
    title = name(entry.key, "a job", reading.findings)
    body = mapping(entry.value, f"the job {quote(title)}", reading.findings)
    if body is None:
        return None
    check_keys(body, reading.grammar.words.job, reading.findings)
    declared = parameters(body.get("parameters"), ARGUMENTS, reading.findings)
    return Definition(key=entry.key, body=body, parameters=declared)


def _entries(body: Map, reading: Reading) -> Mapping[str, Entry]:
    hint = "write `jobs:` with a job's name below it, and `steps:` below that"
    node = body.get("jobs")
    if node is None:
        reading.findings.error("missing-key", body.mark, "the file has no `jobs`", hint)
        return {}
    found = mapping(node, "`jobs`", reading.findings, hint)
    if found is None:
        return {}
    if not found.entries:
        reading.findings.error("empty-value", node.mark, "`jobs` is empty", hint)
    if len(found.entries) > MOST_DEFINED:
        message = f"a file defines at most {MOST_DEFINED} jobs"
        reading.findings.error("too-many", node.mark, message, "split the file, or use a matrix")
        return {}
    return found.entries


def _check_unused(defined: Mapping[str, Definition], found: tuple[Workflow, ...], reading: Reading) -> None:
    used = {place.job for workflow in found for place in workflow.places}
    unused = [definition for name, definition in defined.items() if name not in used]
    for each in unused:
        if each.parameters or "matrix" in each.body.entries:
            values = samples(each.parameters, each.key.mark)
            reading.aside(partial(job, each, values, (None, None), reading))
        else:
            job(each, {}, (None, None), reading)
    if not reading.findings.failed:
        for each in unused:
            title = quote(each.key.text)
            hint = f"add {quote('- ' + each.key.text)} to a workflow, or remove the job"
            reading.findings.warning("unused-job", each.key.mark, f"no workflow uses the job {title}", hint)


def _check_unused_groups(
    groups: Mapping[str, Group], found: tuple[Workflow, ...], defined: Defined, reading: Reading
) -> None:
    used = {name for workflow in found for place in workflow.places for name in place.groups}
    unused = {name: each for name, each in groups.items() if name not in used}
    reading.aside(partial(look_at, unused, defined, reading))
    if not reading.findings.failed:
        for name, each in unused.items():
            message = f"no workflow uses the job group {quote(name)}"
            hint = f"add {quote('- ' + name)} to a workflow, or remove the group"
            reading.findings.warning("unused-job", each.key.mark, message, hint)


def _check_commands(reading: Reading) -> None:
    """Each once with sample values, so that a mistake is found where nobody calls it either."""
    for called, command in reading.commands.items():
        values = samples(command.parameters, command.key.mark)
        reading.aside(
            partial(command_steps, command, values, Around(calls=(called,), family=command.family), reading)
        )
