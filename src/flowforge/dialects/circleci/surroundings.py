"""What a job on CircleCI finds set, and what its file may say of the pipeline."""

from collections.abc import Mapping

from flowforge.dialects.native.values import tag_of, trigger_of
from flowforge.model.inputs import Given, InputValue
from flowforge.model.trigger import TriggerEvent

WORKSPACE = "/workspace"

_SOURCES = {
    TriggerEvent.SCHEDULE: "scheduled_pipeline",
    TriggerEvent.API: "api",
    TriggerEvent.MANUAL: "api",
}


def values(given: Given) -> Mapping[str, InputValue]:
    """By their names behind `pipeline.`."""
    trigger = trigger_of(given)
    request = trigger.pull_request
    owner, _, name = trigger.repository.rpartition("/")
    return {
        "id": str(given.run_id),
        "number": given.number,
        "in_setup": False,
        "project.slug": trigger.repository,
        "project.type": "flowforge",
        "trigger_source": _SOURCES.get(trigger.event, "webhook"),
        "event.name": trigger.event.value,
        "event.github.pull_request.number": request.number if request else 0,
        "event.github.pull_request.title": trigger.title if request else "",
        "event.github.pull_request.base.ref": request.target if request else "",
        "event.github.pull_request.head.ref": trigger.branch if request else "",
        "git.branch": trigger.branch,
        "git.tag": tag_of(trigger),
        "git.revision": trigger.commit,
        "git.base_revision": trigger.before,
        "git.repo_owner": owner,
        "git.repo_name": name,
        "git.commit.subject": trigger.title,
        "git.commit.author_name": trigger.author,
        "git.commit.author_login": trigger.author,
    }


def environment(given: Given) -> Mapping[str, str]:
    """One that has no value is not set, as scripts expect that ask for it by `-z`."""
    trigger = given.trigger
    if trigger is None:
        return {}
    owner, _, name = trigger.repository.rpartition("/")
    request = trigger.pull_request
    found = {
        "CIRCLECI": "true",
        "CIRCLE_BRANCH": trigger.branch,
        "CIRCLE_BUILD_NUM": str(given.number),
        "CIRCLE_PIPELINE_ID": str(given.run_id),
        "CIRCLE_PIPELINE_NUMBER": str(given.number),
        "CIRCLE_PROJECT_REPONAME": name,
        "CIRCLE_PROJECT_USERNAME": owner,
        "CIRCLE_PULL_REQUEST": str(request.number) if request else "",
        "CIRCLE_PR_NUMBER": str(request.number) if request and request.fork else "",
        "CIRCLE_SHA1": trigger.commit,
        "CIRCLE_TAG": tag_of(trigger),
        "CIRCLE_USERNAME": trigger.author,
        "CIRCLE_WORKFLOW_ID": str(given.run_id),
        "CIRCLE_WORKING_DIRECTORY": WORKSPACE,
    }
    return {name: value for name, value in found.items() if value}
