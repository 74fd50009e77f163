"""A machine that executes jobs of the provider `local`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flowforge.model.lane import Lane

EXECUTORS_WITHOUT_WALLS = frozenset({"", "process"})
"""What a runner says it runs jobs with when nothing stands between a job and the machine, or when it said nothing."""


class RunnerStatus(StrEnum):
    """`registered` was never seen; `offline` has been and is not now."""

    REGISTERED = "registered"
    ONLINE = "online"
    OFFLINE = "offline"


class Trust(StrEnum):
    """Whose code a runner carries out."""

    ANY = "any"
    """Somebody else's too, as of a fork, where its executor keeps a job inside walls."""
    TRUSTED_ONLY = "trusted_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """`seen_at` is when it last said anything, `asked_at` when it last asked for work: one whose engine is gone may well
    renew what it holds, and takes nothing. `key_hash` is the SHA-256 of the runner's own credential; empty for one
    that has none yet.

    `labels`, `projects` (ids, empty for all), `trust` and `most_slots` (0 for no bound) are an admin's word that nothing
    the runner says can widen; `slots`, `executor` and `version` are the runner's own. `instance` names the data folder of
    the server whose own runner this is, and is empty for every other machine.
    """

    id: int
    organisation_id: int
    name: str
    host: str
    labels: tuple[str, ...] = ()
    slots: int = 1
    executor: str = ""
    note: str = ""
    key_hash: str = ""
    projects: tuple[int, ...] = ()
    trust: Trust = Trust.ANY
    most_slots: int = 0
    draining: bool = False
    version: str = ""
    instance: str = ""
    created_at: datetime
    seen_at: datetime | None = None
    asked_at: datetime | None = None

    def serves(self, lane: Lane) -> bool:
        """Whether the lane's jobs may be given to it, now or once it has a free slot."""
        takes_foreign = self.trust is Trust.ANY and self.executor not in EXECUTORS_WITHOUT_WALLS
        return (
            set(lane.labels) <= set(self.labels)
            and (not self.projects or lane.project_id in self.projects)
            and (lane.trusted or takes_foreign)
        )
