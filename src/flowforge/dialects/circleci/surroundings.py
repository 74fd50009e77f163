"""What a job on CircleCI finds set, and what its file may say of the pipeline."""

from collections.abc import Mapping

from flowforge.dialects.native.values import trigger_of
from flowforge.model.inputs import Given, InputValue
from flowforge.model.trigger import TriggerEvent

WORKSPACE = "/workspace"

_REQUESTS = {
    "github": "pull",
    "gitlab": "-/merge_requests",
    "gitea": "pulls",
    "forgejo": "pulls",
    "bitbucket": "pull-requests",
}
"""Where each kind of forge shows one, below the repository's own page."""

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
        "project.type": given.home.forge or "flowforge",
        "project.git_url": given.home.url,
        "trigger_source": _SOURCES.get(trigger.event, "webhook"),
        "schedule.name": trigger.title if trigger.event is TriggerEvent.SCHEDULE else "",
        "event.name": trigger.event.value,
        "event.context.github.pr_url": _request_url(given),
        "event.github.pull_request.number": request.number if request else 0,
        "event.github.pull_request.title": trigger.title if request else "",
        "event.github.pull_request.base.ref": request.target if request else "",
        "event.github.pull_request.head.ref": trigger.branch if request else "",
        "git.branch": trigger.branch,
        "git.branch.is_default": bool(trigger.branch) and trigger.branch == given.home.default_branch,
        "git.tag": trigger.tag,
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
    fork = request if request and request.fork else None
    found = {
        "CIRCLECI": "true",
        "CIRCLE_BRANCH": trigger.branch,
        "CIRCLE_BUILD_NUM": str(given.number),
        "CIRCLE_BUILD_URL": given.run_url,
        "CIRCLE_PIPELINE_ID": str(given.run_id),
        "CIRCLE_PIPELINE_NUMBER": str(given.number),
        "CIRCLE_PROJECT_REPONAME": name,
        "CIRCLE_PROJECT_USERNAME": owner,
        "CIRCLE_PULL_REQUEST": _request_url(given),
        "CIRCLE_PULL_REQUESTS": _request_url(given),
        "CIRCLE_PR_NUMBER": str(fork.number) if fork else "",
        "CIRCLE_PR_REPONAME": fork.source_repository.rpartition("/")[2] if fork else "",
        "CIRCLE_PR_USERNAME": fork.source_repository.rpartition("/")[0] if fork else "",
        "CIRCLE_REPOSITORY_URL": given.home.url,
        "CIRCLE_SHA1": trigger.commit,
        "CIRCLE_TAG": trigger.tag,
        "CIRCLE_USERNAME": trigger.author,
        "CIRCLE_WORKFLOW_ID": str(given.run_id),
        "CIRCLE_WORKING_DIRECTORY": WORKSPACE,
    }
    return {name: value for name, value in found.items() if value}


def _request_url(given: Given) -> str:
    """The number alone where nobody knows the forge."""
    request = trigger_of(given).pull_request
    if request is None:
        return ""
    place = _REQUESTS.get(given.home.forge)
    return f"{given.home.url}/{place}/{request.number}" if place else str(request.number)
