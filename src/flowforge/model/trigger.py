"""What started a run."""

from dataclasses import dataclass
from enum import StrEnum


class TriggerEvent(StrEnum):
    PUSH = "push"
    TAG = "tag"
    PULL_REQUEST = "pull_request"
    SCHEDULE = "schedule"
    MANUAL = "manual"
    API = "api"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """All of it is somebody else's text: it reaches a job as environment values only, never as script text."""

    event: TriggerEvent
    repository: str
    commit: str
    ref: str = ""
    branch: str = ""
    title: str = ""
    author: str = ""
