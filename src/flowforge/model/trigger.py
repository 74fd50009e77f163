"""What started a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_TAGS = "refs/tags/"


class TriggerEvent(StrEnum):
    PUSH = "push"
    TAG = "tag"
    PULL_REQUEST = "pull_request"
    SCHEDULE = "schedule"
    MANUAL = "manual"
    API = "api"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull or merge request. The trigger's branch is the one it comes from, `target` the one it goes to; from a
    `fork` it is somebody else's code: no secrets, a read-only cache, and it waits for an approval."""

    number: int
    target: str
    source_repository: str = ""
    fork: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """All of it is somebody else's text: it reaches a job as environment values only, never as script text. `caused_by`
    is the run whose end started this one."""

    event: TriggerEvent
    repository: str
    commit: str
    ref: str = ""
    branch: str = ""
    title: str = ""
    author: str = ""
    author_id: str = ""
    before: str = ""
    pull_request: PullRequest | None = None
    caused_by: int | None = None
    inputs: Mapping[str, str | bool | int | float] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """Empty where it is none."""
        return self.ref.removeprefix(_TAGS) if self.ref.startswith(_TAGS) else ""

    @property
    def trusted(self) -> bool:
        """Whether those who wrote the code may write to the repository anyway."""
        return self.pull_request is None or not self.pull_request.fork
