"""What a pipeline says about a job besides the work itself: when it may run, where, and what its end means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowforge.model.status import Cause, Status


class JobKind(StrEnum):
    WORK = "work"
    APPROVAL = "approval"
    """A gate: it has no steps, waits for a person, and succeeds when one opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """At most `limit` more attempts after one that failed for one of `causes`; empty means any cause but a cancel. With
    `exit_codes` only an exit with one of them counts."""

    limit: int
    causes: tuple[Cause, ...] = ()
    exit_codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTerms:
    """`accepts` gives for a need the statuses that satisfy it; only success does for one it does not name.

    `skip` is the sentence that says why filters or conditions leave the job out; empty for one that takes part.
    `allow_failure` lets the run succeed although the job failed. A runner takes the job if it has all of `labels`.
    `environment` names where the job deploys to, and with it which secrets and approvals count.
    `serial_group` is a name that only one job of the organisation may hold at a time; jobs of one run with the same
    `serial_unit` hold it together, from the first of them until the last is over.
    """

    kind: JobKind = JobKind.WORK
    accepts: Mapping[str, tuple[Status, ...]] = field(default_factory=dict)
    skip: str = ""
    allow_failure: bool = False
    retry: tuple[RetryRule, ...] = ()
    labels: tuple[str, ...] = ()
    environment: str = ""
    serial_group: str = ""
    serial_unit: str = ""


NO_TERMS = JobTerms()
