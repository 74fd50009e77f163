"""GitHub's commit statuses (docs: REST API endpoints for commit statuses, Rate limits for the REST API)."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from flowforge.forges.forge import StatusAnswer
from flowforge.forges.payload import one_line
from flowforge.model.commit_status import CommitState, CommitStatus
from flowforge.model.http import HttpAnswer, HttpRequest, Repeat

_API_VERSION = "2022-11-28"
_LONGEST_DESCRIPTION = 140
_EPOCH = re.compile(r"[0-9]{1,12}")
_UNTOLD_WAIT = 60.0
_LONGEST_WAIT = 7200.0
_SECONDS = re.compile(r"[0-9]{1,6}")
_STATES = {CommitState.PENDING: "pending", CommitState.SUCCESS: "success", CommitState.FAILURE: "failure"}
_REFUSALS = {
    401: "GitHub does not accept the token",
    403: "GitHub's token may not set statuses here (scope repo:status)",
    404: "GitHub knows no such repository or commit, or the token may not see it",
    422: "GitHub refuses the status as malformed or one too many for this commit",
}


def status_request(api_base: str, status: CommitStatus, token: str) -> HttpRequest:
    """Safe to repeat: the newest status of a context is the one that counts."""
    body = {
        "state": _STATES[status.state],
        "description": _shortened(status.description),
        "context": status.context,
    }
    if status.target_url:
        body["target_url"] = status.target_url
    return HttpRequest(
        method="POST",
        url=f"{api_base.rstrip('/')}/repos/{status.repository}/statuses/{status.commit}",
        headers={
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": _API_VERSION,
        },
        body=json.dumps(body).encode(),
        token=token,
        repeat=Repeat.SAFE,
    )


def status_answer(answer: HttpAnswer) -> StatusAnswer:
    if answer.status == 201:
        return StatusAnswer()
    if answer.status == 429 or (answer.status == 403 and _is_limited(answer)):
        return StatusAnswer(problem="GitHub's rate limit is used up", retry_after=_wait(answer.headers))
    if answer.status in _REFUSALS:
        return StatusAnswer(problem=_REFUSALS[answer.status] + _said(answer), final=True)
    if answer.status >= 500:
        problem = f"GitHub has trouble of its own (HTTP {answer.status})"
        return StatusAnswer(problem=problem, retry_after=_seconds(answer.headers.get("retry-after", "")))
    problem = f"GitHub answered HTTP {answer.status}, which is no answer to a commit status"
    return StatusAnswer(problem=problem, final=answer.status in range(300, 500))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_DESCRIPTION else line[: _LONGEST_DESCRIPTION - 1] + "…"


def _is_limited(answer: HttpAnswer) -> bool:
    """The primary limit counts down in a header; the secondary one says only when to come back, or so in words."""
    exhausted = answer.headers.get("x-ratelimit-remaining") == "0"
    return exhausted or "retry-after" in answer.headers or "rate limit" in _said(answer).lower()


def _wait(headers: Mapping[str, str]) -> float:
    """Without word from GitHub one minute, as its documentation asks."""
    told = _seconds(headers.get("retry-after", ""))
    if told is not None:
        return told
    reset, said_at = headers.get("x-ratelimit-reset", ""), _date(headers.get("date", ""))
    if said_at is None or _EPOCH.fullmatch(reset) is None:
        return _UNTOLD_WAIT
    return min(max(1.0, int(reset) - said_at.timestamp()), _LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    """By GitHub's clock, which is the one that the reset is counted on."""
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _said(answer: HttpAnswer) -> str:
    """GitHub's own sentence, where the body is what it should be."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    message = found.get("message") if isinstance(found, dict) else None
    return f": {one_line(message)}" if isinstance(message, str) else ""


def _seconds(text: str) -> float | None:
    return float(text) if _SECONDS.fullmatch(text) else None
