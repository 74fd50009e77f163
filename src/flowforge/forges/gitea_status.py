"""Commit statuses of Gitea and Forgejo (their API's description: repoCreateStatus)."""

from collections.abc import Callable
from dataclasses import replace

from flowforge.forges.forge import StatusAnswer
from flowforge.forges.status_words import Manners, json_request, judged, shortened
from flowforge.model.commit_status import CommitState, CommitStatus
from flowforge.model.http import HttpAnswer, HttpRequest

_LONGEST_DESCRIPTION = 255
_STATES = {CommitState.PENDING: "pending", CommitState.SUCCESS: "success", CommitState.FAILURE: "failure"}


def api_of(origin: str) -> str:
    return f"{origin}/api/v1"


def status_request(api_base: str, status: CommitStatus, token: str) -> HttpRequest:
    body = {
        "state": _STATES[status.state],
        "description": shortened(status.description, _LONGEST_DESCRIPTION),
        "context": status.context,
    }
    if status.target_url:
        body["target_url"] = status.target_url
    url = f"{api_base.rstrip('/')}/repos/{status.repository}/statuses/{status.commit}"
    return replace(json_request(url, body, token, {}), scheme="token")


def status_answer_of(title: str) -> Callable[[HttpAnswer], StatusAnswer]:
    manners = Manners(
        title=title,
        accepted=frozenset({201}),
        refusals={
            400: f"{title} refuses the status as malformed",
            401: f"{title} does not accept the token",
            403: f"{title}'s token may not set statuses here (scope write:repository)",
            404: f"{title} knows no such repository or commit, or the token may not see it",
            422: f"{title} refuses the status as malformed",
            423: f"{title} says that the repository is archived",
        },
    )

    def status_answer(answer: HttpAnswer) -> StatusAnswer:
        return judged(manners, answer)

    return status_answer
