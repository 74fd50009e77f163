"""What a forge shows beside a commit."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flowforge.model.project import DEFAULT_ORGANISATION


class CommitState(StrEnum):
    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """`repository` is the forge's `owner/repo` at `origin`, `native_id` its own id of it; `project_id` is ours, None in a
    status of the time before projects had tokens of their own."""

    forge: str
    origin: str = ""
    native_id: str = ""
    repository: str
    commit: str
    state: CommitState
    description: str
    context: str
    target_url: str
    organisation_id: int = DEFAULT_ORGANISATION
    project_id: int | None = None

    @property
    def server(self) -> str:
        """Where it is shown."""
        return f"{self.forge} {self.origin}"

    @property
    def place(self) -> str:
        """The repository that it is shown at: one that lacks a token is nothing to another that has its own."""
        return f"{self.server} {self.native_id}"

    @property
    def subject(self) -> str:
        """What it is shown on, of which a forge shows the last that it was told: the same for each run of one commit of
        one repository under one context, whatever they are called by now."""
        parts = (self.forge, self.origin, self.native_id or self.repository, self.commit, self.context)
        return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDebt:
    """What a run's commit should show and does not yet. One a run: a newer state replaces an undelivered older one.

    `version` grows with each wanted state, `delivered` is the newest that the forge took.
    `wanted_at` is when the version came to be wanted. `claimed_until` keeps it for the server that is sending it,
    `claimed_by`, newer versions too, so that no older state lands behind a newer one. One given up is tried no more, as
    one that a newer run of the same commit has overtaken.
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
