"""What the API says of each noun. Stable: fields are added, never changed or removed."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict

from flowforge.errors import NotFound
from flowforge.model.job_terms import JobKind
from flowforge.model.run import Gate
from flowforge.model.runner import RunnerStatus
from flowforge.model.status import Cause, Status

T = TypeVar("T")

LARGEST_ID = 2**63 - 1


class Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Body(BaseModel):
    """What a client sends: a field nobody knows is a mistake, not a wish to be ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StepValue(Value):
    index: int
    name: str
    status: Status
    cause: Cause | None
    reason: str | None
    exit_code: int | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    log_start: int
    log_end: int | None


class AttemptValue(Value):
    number: int
    status: Status
    cause: Cause | None
    reason: str | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    log_bytes: int | None


class ApprovalValue(Value):
    commit: str
    config_digest: str
    by: str
    at: datetime


class JobValue(Value):
    id: int
    key: str
    name: str
    kind: JobKind
    status: Status
    allowed_failure: bool
    cause: Cause | None
    reason: str | None
    needs: tuple[str, ...]
    runner: str | None
    image: str | None
    attempt: int
    kept_from: int | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    steps: tuple[StepValue, ...]
    attempts: tuple[AttemptValue, ...]


class RunSummary(Value):
    id: int
    number: int
    provider: str
    repository: str
    commit: str | None
    branch: str | None
    ref: str | None
    event: str
    title: str | None
    author: str | None
    status: Status
    cause: Cause | None
    reason: str | None
    url: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    attempt: int
    rerun_of: int | None


class RunValue(RunSummary):
    group: str | None
    gate: Gate | None
    config_digest: str | None
    approval: ApprovalValue | None
    jobs: tuple[JobValue, ...]


class RunnerValue(Value):
    id: int
    name: str
    host: str
    labels: tuple[str, ...]
    status: RunnerStatus
    slots: int
    executor: str | None
    note: str | None
    projects: tuple[int, ...]
    trusted_only: bool
    draining: bool
    version: str | None
    created_at: datetime
    seen_at: datetime | None


class ProjectValue(Value):
    id: int
    name: str
    former_names: tuple[str, ...]
    forge: str
    origin: str
    clone_url: str
    default_branch: str | None
    created_at: datetime
    last_run: RunSummary | None


class PageValue(Value, Generic[T]):
    """`next` goes back as `cursor` for the next page; null on the last."""

    items: tuple[T, ...]
    next: str | None


def _id_of(noun: str) -> Callable[[object], object]:
    def check(text: object) -> object:
        """An id that cannot be one names nothing, so nothing is found by it."""
        if isinstance(text, str) and not (
            text.isascii() and text.isdigit() and 0 < int(text[:20]) <= LARGEST_ID
        ):
            raise NotFound(noun, text[:40])
        return text

    return check


def _secret_id(text: object) -> object:
    if isinstance(text, str) and not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= LARGEST_ID):
        raise NotFound("secret", text[:40])
    return text


def _cursor(text: object) -> object:
    if text is None or (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19):
        return text
    raise ValueError("must be the next of a page before")


RunId = Annotated[int, BeforeValidator(_id_of("run")), Path(description="The run's id")]
RunnerId = Annotated[int, BeforeValidator(_id_of("runner")), Path(description="The runner's id")]
Limit = Annotated[int, Query(ge=1, le=100, description="Items of a page")]
Cursor = Annotated[int | None, BeforeValidator(_cursor), Query(description="`next` of the page before")]
SecretId = Annotated[int, BeforeValidator(_secret_id), Path(description="The secret's id")]
