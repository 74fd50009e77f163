"""All tables of the store in memory."""

from flowforge.errors import Bug, Conflict
from flowforge.model.attempt import Attempt
from flowforge.model.commit_status import StatusDebt
from flowforge.model.credential import Credential
from flowforge.model.delivery import Delivery, Tip
from flowforge.model.event import Event
from flowforge.model.job_run import JobRun
from flowforge.model.project import DEFAULT_ORGANISATION, Pipeline, Project
from flowforge.model.run import Run
from flowforge.model.runner import Runner
from flowforge.model.schedule import Timer
from flowforge.model.secret import MasterKey, Seal, Secret
from flowforge.model.step_run import StepRun
from flowforge.testing.store.table import Journal, Table

_NOUNS = ("projects", "pipelines", "deliveries", "runs", "jobs", "runners", "events", "secrets")
_FIRST = {"organisations": DEFAULT_ORGANISATION} | dict.fromkeys(_NOUNS, 0)


class Tables:
    """Attempts are keyed by job and number, steps by job, number and index."""

    def __init__(self, journal: Journal) -> None:
        self.projects: Table[int, Project] = Table(journal)
        self.pipelines: Table[int, Pipeline] = Table(journal)
        self.timers: Table[tuple[int, str], Timer] = Table(journal)
        self.deliveries: Table[int, Delivery] = Table(journal)
        self.delivery_keys: Table[str, int] = Table(journal)
        self.tips: Table[str, Tip] = Table(journal)
        self.runs: Table[int, Run] = Table(journal)
        self.run_numbers: Table[tuple[int, int], int] = Table(journal)
        self.jobs: Table[int, JobRun] = Table(journal)
        self.attempts: Table[tuple[int, int], Attempt] = Table(journal)
        self.steps: Table[tuple[int, int, int], StepRun] = Table(journal)
        self.runners: Table[int, Runner] = Table(journal)
        self.credentials: Table[str, Credential] = Table(journal)
        self.secrets: Table[int, tuple[Secret, Seal]] = Table(journal)
        self.master_keys: Table[str, MasterKey] = Table(journal)
        self.debts: Table[int, StatusDebt] = Table(journal)
        self.events: Table[int, Event] = Table(journal)
        self.cursors: Table[str, int] = Table(journal)
        self.counters: Table[str, int] = Table(journal)

    def take(self, counter: str, count: int) -> range:
        if counter not in _FIRST:
            raise Bug(f"nothing counts {counter}")
        last = self.counters.get(counter) or _FIRST[counter]
        self.counters.put(counter, last + count)
        return range(last + 1, last + count + 1)


def expect_owner(found: bool, noun: str, id: object) -> None:  # noqa: FBT001 — the caller's own lookup
    """What a foreign key says in a database."""
    if not found:
        raise Conflict(f"there is no {noun} {id} to belong to")
