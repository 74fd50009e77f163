"""One execution of a pipeline, by our engine or by a foreign provider."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flowforge.model.pipeline_config import OnFailure
from flowforge.model.status import Cause, Status
from flowforge.model.trigger import Trigger


class Gate(StrEnum):
    """What keeps a planned run from going on."""

    OPEN = "open"
    APPROVAL = "approval"
    """Somebody else's code: a person must approve it."""
    TURN = "turn"
    """Another run of its group goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's word for a run of somebody else's code: good for this one commit and config and nothing else."""

    commit: str
    config_digest: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`number` counts within the project. `config_text` and its digest are kept for good: they say what ran.

    `planned_at` is None until the config was read and the jobs are rows; until then the run can be prepared again
    from the start. `attempt` counts the re-runs of one original, whose id is in `rerun_of`. `group` is its concurrency
    group within the project, empty for none; one that `supersedes` ends the older ones of it. Of a re-run, `approval` is
    what the old run had, until the plan shows that it is for something else.
    """

    id: int
    organisation_id: int
    project_id: int
    pipeline_id: int | None
    provider: str
    number: int
    trigger: Trigger
    status: Status = Status.PENDING
    cause: Cause | None = None
    reason: str = ""
    on_failure: OnFailure = OnFailure.STOP
    delivery_id: int | None = None
    rerun_of: int | None = None
    group: str = ""
    supersedes: bool = False
    gate: Gate = Gate.OPEN
    approval: Approval | None = None
    attempt: int = 1
    config_path: str = ""
    config_text: str = ""
    config_digest: str = ""
    created_at: datetime
    planned_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
