"""From what the supervisor wrote at a step's end to an Exit."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flowforge.adapters.executors import netstrings
from flowforge.adapters.executors.room_folder import Tampered
from flowforge.model.exit import Exit
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.status import Cause, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRecord:
    status: Status
    cause: str
    detail: str
    code: int | None
    started: datetime | None
    finished: datetime | None
    size: int


CAUSES = {
    "exit": Cause.EXIT,
    "timeout": Cause.TIMEOUT,
    "silence": Cause.TIMEOUT,
    "deadline": Cause.TIMEOUT,
    "oom": Cause.OOM,
    "stopped": Cause.CANCELLED,
    "shell": Cause.CONFIG,
    "command": Cause.CONFIG,
    "directory": Cause.CONFIG,
    "user": Cause.CONFIG,
    "exec": Cause.CONFIG,
    "environment": Cause.CONFIG,
}


def parse(data: bytes) -> ExitRecord:
    try:
        fields = {name: value.decode("utf-8", "replace") for name, value in netstrings.unpack(data)}
        return ExitRecord(
            status=_ended(fields["status"]),
            cause=fields.get("cause", ""),
            detail=fields.get("detail", ""),
            code=int(fields["code"]) if "code" in fields else None,
            started=_time(fields.get("started")),
            finished=_time(fields.get("finished")),
            size=int(fields["bytes"]),
        )
    except (ValueError, KeyError, OverflowError, OSError) as error:
        raise Tampered("the step's exit record cannot be read") from error


def to_exit(record: ExitRecord, step: StepOrder, order: JobOrder, stop_reason: str) -> Exit:
    cause, reason = _blame(record, step, order, stop_reason)
    return Exit(
        status=record.status,
        cause=cause,
        code=record.code,
        reason=reason,
        started_at=record.started,
        finished_at=record.finished,
    )


def host_detail(cause: Cause, reason: str) -> str:
    """How the host's own failure travels through the supervisor's record."""
    return f"{cause}:{reason}"


def _blame(
    record: ExitRecord, step: StepOrder, order: JobOrder, stop_reason: str
) -> tuple[Cause | None, str]:
    if not record.cause:
        return None, ""
    if record.cause == "host":
        cause, _, reason = record.detail.partition(":")
        return (
            (Cause(cause), reason) if cause in Cause.__members__.values() else (Cause.INFRASTRUCTURE, cause)
        )
    where = f"the image {order.image}" if order.image else "this machine"
    reasons = {
        "exit": "",
        "timeout": f'step "{step.name}" did not end within {_seconds(step.timeout)}',
        "silence": f'step "{step.name}" printed nothing for {_seconds(step.silence_timeout)}',
        "deadline": f"the job reached its time limit of {_seconds(order.timeout)}",
        "oom": f'step "{step.name}" was killed: {_memory(record.detail)}',
        "limits": f"the container engine does not keep the job's limit of {record.detail}, so nothing was run: use one that "
        "does (rootless engines need cgroup v2 with delegated controllers), or set FLOWFORGE_JOB_"
        f"{record.detail.upper()}=0 and ask for no such limit",
        "stopped": stop_reason,
        "terminated": "the job was told to end from outside, by its engine or its machine",
        "log": "the step's output could not be written: is the disk full?",
        "shell": f"{where} has no shell (neither bash nor sh): use one that has, or name another with `shell`",
        "command": f"{where} has no program {record.detail}, which `shell` names",
        "directory": f"the working directory cannot be entered: {record.detail}",
        "user": f"{where} names a user that it does not have: {record.detail}",
        "exec": f'step "{step.name}" cannot be started: {record.detail}',
        "environment": f'step "{step.name}" left in $FLOWFORGE_ENV what cannot be taken: {record.detail}',
    }
    reason = reasons.get(record.cause, f'step "{step.name}" cannot be started: {record.detail}')
    return CAUSES.get(record.cause, Cause.INFRASTRUCTURE), reason


def _memory(limit: str) -> str:
    if not limit.isdigit():
        return "its machine ran out of memory"
    return f"out of memory: the job's limit of {int(limit) / (1 << 20):.4g} MB"


def _ended(text: str) -> Status:
    status = Status(text)
    if not status.terminal:
        raise ValueError(f"{text} is no end")
    return status


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromtimestamp(int(text) / 1e6, tz=UTC)


def _seconds(value: float | None) -> str:
    return f"{value:g} s" if value is not None else "unknown length"
