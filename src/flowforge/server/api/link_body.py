"""Bodies of the runner link: read strictly, because whoever sends them runs what a repository says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError

from flowforge.errors import BadInput
from flowforge.model.claim import Lease, Outcome, StepReport
from flowforge.model.link_call import FinishCall, RenewCall, ReportCall, ResumeCall
from flowforge.model.status import Status
from flowforge.services.reception import expect_protocol

T = TypeVar("T")

PROTOCOL_HEADER = "flowforge-link"
LONGEST_WAIT = 30.0
MOST_STEPS = 2000
LONGEST_REASON = 4000
SHORTEST_TOKEN, LONGEST_TOKEN = 16, 128
_LARGEST_CODE = 2**31 - 1
_LARGEST_OFFSET = 2**60


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def read_call(shape: type[T], body: bytes) -> T:
    """Raises `BadInput` that names the field."""
    try:
        call: T = _adapter(cast("Any", shape)).validate_json(body, strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{field or 'the body'}: {first['msg']}", field=field) from None
    if not all(lease.attempt.possible for lease in _leases(call)):
        raise BadInput("an attempt's numbers are not negative and smaller than that", field="lease.attempt")
    return call


def _leases(call: object) -> Sequence[Lease]:
    match call:
        case RenewCall(leases=leases):
            return leases
        case ResumeCall(lease=lease) | ReportCall(lease=lease) | FinishCall(lease=lease):
            return (lease,)
        case _:
            return ()


def answer(shape: Any, value: object) -> Response:
    return Response(_adapter(shape).dump_json(value), media_type="application/json")


def expect_spoken(headers: Mapping[str, str]) -> None:
    """Every call says in which version it is made."""
    version = headers.get(PROTOCOL_HEADER, "")
    expect_protocol((int(version),) if version.isascii() and version.isdigit() and len(version) < 9 else ())


def waited(seconds: float) -> float:
    if not 0 <= seconds <= 3600:
        raise BadInput("wait must be a number of seconds", field="wait")
    return min(seconds, LONGEST_WAIT)


def checked_token(token: str) -> str:
    if not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise BadInput(
            f"token must be {SHORTEST_TOKEN} to {LONGEST_TOKEN} characters of ASCII", field="token"
        )
    return token


def checked_reports(steps: Sequence[StepReport]) -> Sequence[StepReport]:
    if len(steps) > MOST_STEPS:
        raise BadInput(f"at most {MOST_STEPS} steps are reported at once", field="steps")
    return [_checked_report(step) for step in steps]


def checked_finish(outcome: Outcome) -> Outcome:
    if not outcome.status.terminal:
        raise BadInput(f"an attempt does not end as {outcome.status}", field="outcome.status")
    return replace(outcome, reason=outcome.reason[:LONGEST_REASON])


def _checked_report(step: StepReport) -> StepReport:
    if not (step.status.terminal or step.status is Status.RUNNING):
        raise BadInput(f"a step is not reported as {step.status}", field="steps.status")
    if step.exit_code is not None and abs(step.exit_code) > _LARGEST_CODE:
        raise BadInput("an exit code is smaller than that", field="steps.exit_code")
    if not (0 <= step.log_start < _LARGEST_OFFSET and 0 <= (step.log_end or 0) < _LARGEST_OFFSET):
        raise BadInput("a place in the log is a number of bytes", field="steps.log_start")
    for at in (step.started_at, step.finished_at):
        _expect_zone(at)
    return replace(step, reason=step.reason[:LONGEST_REASON])


def _expect_zone(at: datetime | None) -> None:
    if at is not None and at.tzinfo is None:
        raise BadInput("a time needs its zone", field="steps.started_at")
