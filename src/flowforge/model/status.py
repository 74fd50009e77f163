"""The one status vocabulary, and who is to blame when it is not success."""

from enum import StrEnum


class Status(StrEnum):
    """How a run, a job or a step stands. A terminal status never changes."""

    PENDING = "pending"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"

    @property
    def terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset({Status.SUCCESS, Status.FAILURE, Status.CANCELLED, Status.SKIPPED})


class Cause(StrEnum):
    """Why something did not succeed; a retry policy reads it."""

    EXIT = "exit"
    TIMEOUT = "timeout"
    OOM = "oom"
    CANCELLED = "cancelled"
    INFRASTRUCTURE = "infrastructure"
    LOST = "lost"
    CONFIG = "config"
    NEEDS = "needs"
    FILTER = "filter"
    OUTCOME_UNKNOWN = "outcome_unknown"
