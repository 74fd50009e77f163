"""How a step ended. A step that fails is a value; machinery that fails is an exception."""

from dataclasses import dataclass
from datetime import datetime

from flowforge.model.status import Cause, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """`code` is the process's exit code (128 + signal for one that was killed) and None where none ran.

    `reason` is one sentence for a person, empty where `status` says it all.
    """

    status: Status
    cause: Cause | None = None
    code: int | None = None
    reason: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
