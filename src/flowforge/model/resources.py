"""What a job may use of its machine and of the network."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """None leaves it to the runner's own default. `memory` and `shm` are in bytes."""

    cpus: float | None = None
    memory: int | None = None
    pids: int | None = None
    shm: int | None = None


USUAL = Resources()


class Network(StrEnum):
    OPEN = "open"
    NONE = "none"
    """Nothing but the job's own services."""
