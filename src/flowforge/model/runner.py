"""A machine that executes jobs of the provider `local`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RunnerStatus(StrEnum):
    """`registered` was never seen; `offline` has been and is not now."""

    REGISTERED = "registered"
    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """`seen_at` is when it last said anything, `asked_at` when it last asked for work: one whose engine is gone may well
    renew what it holds, and takes nothing. `key_hash` is the SHA-256 of the runner's own credential; empty for one
    that has none yet."""

    id: int
    organisation_id: int
    name: str
    host: str
    labels: tuple[str, ...] = ()
    slots: int = 1
    executor: str = ""
    note: str = ""
    key_hash: str = ""
    created_at: datetime
    seen_at: datetime | None = None
    asked_at: datetime | None = None
