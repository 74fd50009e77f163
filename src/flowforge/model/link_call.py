"""What a runner on another machine and its server send each other, and in which version of their protocol."""

from dataclasses import dataclass

from flowforge.model.claim import Lease, Outcome, StepReport

NEWEST_PROTOCOL = 1
OLDEST_PROTOCOL = 1
"""A server speaks every version from the oldest to the newest, which is at least the one before its own: a runner that is
one version older still works. Fields may be added to an answer within a version, to a call only with a new one."""


def agreed_protocol(offered: tuple[int, ...]) -> int | None:
    """The newest that both know."""
    known = [version for version in offered if OLDEST_PROTOCOL <= version <= NEWEST_PROTOCOL]
    return max(known, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a runner says of itself when it begins. None of it widens what an admin bound it to."""

    slots: int = 1
    executor: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCall:
    """A one-time token against a key."""

    token: str
    protocols: tuple[int, ...]
    offer: Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloCall:
    protocols: tuple[int, ...]
    offer: Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The server's answer to both: what the runner is bound to. `key` is there after a registration only; `others` is
    what a `Renewal` says of them."""

    protocol: int
    id: int
    name: str
    labels: tuple[str, ...]
    slots: int
    lease_seconds: float
    key: str = ""
    others: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteCall:
    """Why no job is taken; empty when one would be."""

    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCall:
    token: str
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeCall:
    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewCall:
    leases: tuple[Lease, ...]
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCall:
    lease: Lease
    steps: tuple[StepReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishCall:
    lease: Lease
    outcome: Outcome
    steps: tuple[StepReport, ...] = ()
