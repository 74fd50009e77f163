"""What the APIs for commit statuses have in common: what is sent, and how an answer is judged."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

from flowforge.forges.forge import StatusAnswer
from flowforge.forges.payload import one_line
from flowforge.model.http import HttpAnswer, HttpRequest, Repeat

_EPOCH = re.compile(r"[0-9]{1,12}")
_SECONDS = re.compile(r"[0-9]{1,6}")
_UNTOLD_WAIT = 60.0
_LONGEST_WAIT = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a forge answers. `refusals` are the codes that no further try can change, each with its sentence; `reset`
    names the header that says until when a used-up limit holds, in seconds since 1970."""

    title: str
    accepted: frozenset[int]
    refusals: Mapping[int, str]
    reset: str = "x-ratelimit-reset"
    remaining: str = "x-ratelimit-remaining"
    passing: frozenset[int] = field(default_factory=frozenset)


def json_request(url: str, body: Mapping[str, str], token: str, headers: Mapping[str, str]) -> HttpRequest:
    """Safe to repeat: the newest status of a context is the one that counts."""
    return HttpRequest(
        method="POST",
        url=url,
        headers={"Accept": "application/json", "Content-Type": "application/json", **headers},
        body=json.dumps(body).encode(),
        token=token,
        repeat=Repeat.SAFE,
    )


def shortened(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def judged(manners: Manners, answer: HttpAnswer) -> StatusAnswer:
    if answer.status in manners.accepted:
        return StatusAnswer()
    title = manners.title
    if answer.status == 429 or (answer.status == 403 and _is_limited(manners, answer)):
        wait = _wait(manners, answer.headers)
        return StatusAnswer(problem=f"{title}'s rate limit is used up", retry_after=wait)
    if answer.status in manners.refusals:
        return StatusAnswer(problem=manners.refusals[answer.status] + said(answer), final=True)
    if answer.status >= 500 or answer.status in manners.passing:
        problem = f"{title} has trouble of its own (HTTP {answer.status})"
        return StatusAnswer(problem=problem, retry_after=_seconds(answer.headers.get("retry-after", "")))
    problem = f"{title} answered HTTP {answer.status}, which is no answer to a commit status"
    return StatusAnswer(problem=problem, final=answer.status in range(300, 500))


def said(answer: HttpAnswer) -> str:
    """The forge's own sentence, where the body is what it should be."""
    found = answer_object(answer)
    message = found.get("message") or found.get("error")
    if isinstance(message, dict):
        message = message.get("message")
    return f": {one_line(message)}" if isinstance(message, str) else ""


def answer_object(answer: HttpAnswer) -> dict[str, object]:
    """Empty for anything that is no JSON object: a proxy's page, an answer that was cut off."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_limited(manners: Manners, answer: HttpAnswer) -> bool:
    """Some limits count down in a header; others say only when to come back, or so in words."""
    exhausted = answer.headers.get(manners.remaining) == "0"
    return exhausted or "retry-after" in answer.headers or "rate limit" in said(answer).lower()


def _wait(manners: Manners, headers: Mapping[str, str]) -> float:
    """Without word from the forge one minute, as GitHub's documentation asks."""
    told = _seconds(headers.get("retry-after", ""))
    if told is not None:
        return told
    reset, said_at = headers.get(manners.reset, ""), _date(headers.get("date", ""))
    if said_at is None or _EPOCH.fullmatch(reset) is None:
        return _UNTOLD_WAIT
    return min(max(1.0, int(reset) - said_at.timestamp()), _LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    """By the forge's clock, which is the one that the reset is counted on."""
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _seconds(text: str) -> float | None:
    return float(text) if _SECONDS.fullmatch(text) else None
