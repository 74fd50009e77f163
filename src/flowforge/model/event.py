"""One change of state, in the order in which it became true."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    RUN_CREATED = "run.created"
    RUN_PLANNED = "run.planned"
    RUN_WAITING = "run.waiting"
    RUN_APPROVED = "run.approved"
    RUN_QUEUED = "run.queued"
    RUN_LET_IN = "run.let_in"
    RUN_STARTED = "run.started"
    RUN_FINISHED = "run.finished"
    JOB_WAITING = "job.waiting"
    JOB_APPROVED = "job.approved"
    JOB_QUEUED = "job.queued"
    JOB_READY = "job.ready"
    JOB_STARTED = "job.started"
    JOB_STOPPING = "job.stopping"
    JOB_FINISHED = "job.finished"
    STEP_STARTED = "step.started"
    STEP_FINISHED = "step.finished"
    ATTEMPT_REFUSED = "attempt.refused"
    STATUS_DELIVERED = "status.delivered"
    SECRET_SET = "secret.set"  # noqa: S105  a kind
    SECRET_REMOVED = "secret.removed"  # noqa: S105
    MASTER_KEY_ROTATED = "master_key.rotated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`id` grows without gaps over all that was committed; `detail` is JSON-like and differs by kind."""

    id: int
    organisation_id: int
    kind: EventKind
    run_id: int | None
    job_id: int | None
    status: str
    at: datetime
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event before its transaction gave it an id."""

    kind: EventKind
    at: datetime
    run_id: int | None = None
    job_id: int | None = None
    status: str = ""
    organisation_id: int = 1
    detail: Mapping[str, object] = field(default_factory=dict)
