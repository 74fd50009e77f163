"""What passes between a runner and its server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder
from flowforge.model.status import Cause, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What every later write carries; the server refuses it once a newer attempt exists."""

    attempt: AttemptKey
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A job handed to a runner. `secrets` are the values of the names the order declares: kept in memory only."""

    lease: Lease
    order: JobOrder
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The server's answer to a heartbeat: attempts to stop, and attempts that are no longer this runner's. `others` says
    whether more servers share the database, so that attempts may be given away although nobody serves at this one's
    address; None where it does not say. It is no news."""

    stop: frozenset[AttemptKey] = frozenset()
    lost: frozenset[AttemptKey] = frozenset()
    others: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """The state of one step; sent again as often as needed, the last one counts."""

    index: int
    status: Status
    cause: Cause | None = None
    reason: str = ""
    exit_code: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    log_start: int = 0
    log_end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended."""

    status: Status
    cause: Cause | None = None
    reason: str = ""
