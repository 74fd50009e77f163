"""GitLab's commit statuses (docs: Commits API, Set commit pipeline status)."""

import re
from urllib.parse import quote

from flowforge.forges.forge import StatusAnswer
from flowforge.forges.status_words import Manners, json_request, judged, said, shortened
from flowforge.model.commit_status import CommitState, CommitStatus
from flowforge.model.http import HttpAnswer, HttpRequest

_LONGEST_DESCRIPTION = 255
_STATES = {CommitState.PENDING: "pending", CommitState.SUCCESS: "success", CommitState.FAILURE: "failed"}
_MANNERS = Manners(
    title="GitLab",
    accepted=frozenset({200, 201}),
    refusals={
        400: "GitLab refuses the status as malformed",
        401: "GitLab does not accept the token",
        403: "GitLab's token may not set statuses here (scope api, role Developer)",
        404: "GitLab knows no such project or commit, or the token may not see it",
    },
    reset="ratelimit-reset",
    remaining="ratelimit-remaining",
    passing=frozenset({409}),
)
_STAYED = re.compile(r"via :(?:enqueue from :pending|success from :success|drop from :failed)\b")
"""Ends of «Cannot transition status …»: the commit shows that state already."""


def api_of(origin: str) -> str:
    return f"{origin}/api/v4"


def status_request(api_base: str, status: CommitStatus, token: str) -> HttpRequest:
    """The project by its number, which no rename changes."""
    body = {
        "state": _STATES[status.state],
        "description": shortened(status.description, _LONGEST_DESCRIPTION),
        "name": status.context,
    }
    if status.target_url:
        body["target_url"] = status.target_url
    project = quote(status.native_id or status.repository, safe="")
    return json_request(
        f"{api_base.rstrip('/')}/projects/{project}/statuses/{status.commit}", body, token, {}
    )


def status_answer(answer: HttpAnswer) -> StatusAnswer:
    if answer.status == 400 and _STAYED.search(said(answer)):
        return StatusAnswer()
    return judged(_MANNERS, answer)
