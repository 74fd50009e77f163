"""`<< pipeline.… >>`: what a file may say of the occasion it is read for."""

from collections.abc import Mapping

from flowforge.model.inputs import Given, InputValue
from flowforge.model.trigger import Trigger, TriggerEvent

_SAMPLE = Trigger(
    event=TriggerEvent.PUSH,
    repository="owner/name",
    commit="0" * 40,
    ref="refs/heads/main",
    branch="main",
    title="title",
    author="author",
)
"""Stands in where a file is read for nothing in particular."""


def trigger_of(given: Given) -> Trigger:
    return given.trigger or _SAMPLE


def pipeline_values(given: Given) -> Mapping[str, InputValue]:
    """By their names behind `pipeline.`. Text is somebody else's; numbers and flags are ours."""
    trigger = trigger_of(given)
    request = trigger.pull_request
    owner, _, name = trigger.repository.rpartition("/")
    return {
        "id": given.run_id,
        "number": given.number,
        "trigger_source": trigger.event.value,
        "event.name": trigger.event.value,
        "event.pull_request.number": request.number if request else 0,
        "event.pull_request.target": request.target if request else "",
        "event.pull_request.fork": request.fork if request else False,
        "project.slug": trigger.repository,
        "project.name": name,
        "project.owner": owner,
        "git.branch": trigger.branch,
        "git.tag": trigger.tag,
        "git.ref": trigger.ref,
        "git.revision": trigger.commit,
        "git.base_revision": trigger.before,
        "git.title": trigger.title,
        "git.author": trigger.author,
    }
