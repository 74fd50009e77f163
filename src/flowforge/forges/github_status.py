"""GitHub's commit statuses (docs: REST API endpoints for commit statuses, Rate limits for the REST API)."""

from flowforge.forges.forge import StatusAnswer
from flowforge.forges.status_words import Manners, json_request, judged, shortened
from flowforge.model.commit_status import CommitState, CommitStatus
from flowforge.model.http import HttpAnswer, HttpRequest

_API_VERSION = "2022-11-28"
_LONGEST_DESCRIPTION = 140
_STATES = {CommitState.PENDING: "pending", CommitState.SUCCESS: "success", CommitState.FAILURE: "failure"}
_MANNERS = Manners(
    title="GitHub",
    accepted=frozenset({201}),
    refusals={
        401: "GitHub does not accept the token",
        403: "GitHub's token may not set statuses here (scope repo:status)",
        404: "GitHub knows no such repository or commit, or the token may not see it",
        422: "GitHub refuses the status as malformed or one too many for this commit",
    },
)


def api_of(origin: str) -> str:
    """GitHub Enterprise has its API below its own address."""
    return "https://api.github.com" if origin == "https://github.com" else f"{origin}/api/v3"


def status_request(api_base: str, status: CommitStatus, token: str) -> HttpRequest:
    body = {
        "state": _STATES[status.state],
        "description": shortened(status.description, _LONGEST_DESCRIPTION),
        "context": status.context,
    }
    if status.target_url:
        body["target_url"] = status.target_url
    url = f"{api_base.rstrip('/')}/repos/{status.repository}/statuses/{status.commit}"
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": _API_VERSION}
    return json_request(url, body, token, headers)


def status_answer(answer: HttpAnswer) -> StatusAnswer:
    return judged(_MANNERS, answer)
