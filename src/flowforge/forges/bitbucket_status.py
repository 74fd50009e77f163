"""Bitbucket Cloud's build statuses (docs: Commit statuses)."""

import base64
import hashlib
from dataclasses import replace

from flowforge.forges.forge import StatusAnswer
from flowforge.forges.status_words import Manners, answer_object, json_request, judged, shortened
from flowforge.model.commit_status import CommitState, CommitStatus
from flowforge.model.http import HttpAnswer, HttpRequest

_LONGEST_DESCRIPTION = 255
_LONGEST_KEY = 40
_STATES = {
    CommitState.PENDING: "INPROGRESS",
    CommitState.SUCCESS: "SUCCESSFUL",
    CommitState.FAILURE: "FAILED",
}
_MANNERS = Manners(
    title="Bitbucket",
    accepted=frozenset({201}),
    refusals={
        400: "Bitbucket refuses the status as malformed",
        401: "Bitbucket does not accept the token",
        403: "Bitbucket's token may not set statuses here (scope repository:write)",
        404: "Bitbucket knows no such repository or commit, or the token may not see it",
    },
)


def api_of(origin: str) -> str:
    return "https://api.bitbucket.org/2.0" if origin == "https://bitbucket.org" else f"{origin}/2.0"


def status_request(api_base: str, status: CommitStatus, token: str) -> HttpRequest:
    """An address to lead to is required here. A token that is a pair of user and password goes as such."""
    body = {
        "state": _STATES[status.state],
        "key": _key(status.context),
        "name": status.context,
        "description": shortened(status.description, _LONGEST_DESCRIPTION),
        "url": status.target_url,
    }
    url = f"{api_base.rstrip('/')}/repositories/{status.repository}/commit/{status.commit}/statuses/build"
    request = json_request(url, body, token, {})
    if ":" not in token:
        return request
    return replace(request, token=base64.b64encode(token.encode()).decode(), scheme="Basic")


def status_answer(answer: HttpAnswer) -> StatusAnswer:
    """A changed status is answered with 200, and so is many a proxy's page."""
    if answer.status == 200:
        if "state" in answer_object(answer):
            return StatusAnswer()
        return StatusAnswer(problem="Bitbucket's answer is no commit status")
    return judged(_MANNERS, answer)


def _key(context: str) -> str:
    """At most 40 characters, the same for the same context."""
    if len(context) <= _LONGEST_KEY:
        return context
    return hashlib.sha256(context.encode()).hexdigest()[:_LONGEST_KEY]
