"""What a forge shows beside a commit."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CommitState(StrEnum):
    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """`repository` is the forge's `owner/repo` at `origin`, `native_id` its own id of it."""

    forge: str
    origin: str = ""
    native_id: str = ""
    repository: str
    commit: str
    state: CommitState
    description: str
    context: str
    target_url: str

    @property
    def place(self) -> str:
        """The server that it is shown at: what is wrong with one is nothing to another."""
        return f"{self.forge} {self.origin}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDebt:
    """What a run's commit should show and does not yet. One a run: a newer state replaces an undelivered older one.

    `version` grows with each wanted state, `delivered` is the newest that the forge took.
    `wanted_at` is when the version came to be wanted. `claimed_until` keeps it for the server that is sending it,
    `claimed_by`, newer versions too, so that no older state lands behind a newer one. One given up is tried no more.
    """

    run_id: int
    status: CommitStatus
    version: int
    delivered: int = 0
    tries: int = 0
    next_try_at: datetime
    last_error: str = ""
    wanted_at: datetime | None = None
    claimed_until: datetime | None = None
    claimed_by: str = ""
    given_up_at: datetime | None = None
