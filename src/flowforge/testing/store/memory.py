"""The port `Store` on dicts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flowforge.errors import StoreUnavailable
from flowforge.ports import Tx
from flowforge.testing.store.access import MemoryCredentials, MemoryDebts, MemoryRunners
from flowforge.testing.store.attempts import MemoryAttempts, MemorySteps
from flowforge.testing.store.deliveries import MemoryDeliveries
from flowforge.testing.store.events import MemoryEvents
from flowforge.testing.store.neighbours import MemoryNeighbours
from flowforge.testing.store.projects import MemoryPipelines, MemoryProjects
from flowforge.testing.store.runs import MemoryJobs, MemoryRuns
from flowforge.testing.store.secrets import MemoryMasterKeys, MemorySecrets
from flowforge.testing.store.table import Journal, Mode
from flowforge.testing.store.tables import Tables
from flowforge.testing.store.timers import MemoryTimers
from flowforge.testing.store.turns import MemoryTurns

T = TypeVar("T")


class MemoryTx:
    def __init__(self, tables: Tables, epoch: str) -> None:
        self._tables = tables
        self.projects = MemoryProjects(tables)
        self.pipelines = MemoryPipelines(tables)
        self.timers = MemoryTimers(tables)
        self.deliveries = MemoryDeliveries(tables)
        self.runs = MemoryRuns(tables)
        self.jobs = MemoryJobs(tables)
        self.neighbours = MemoryNeighbours(tables)
        self.turns = MemoryTurns(tables)
        self.attempts = MemoryAttempts(tables)
        self.steps = MemorySteps(tables)
        self.runners = MemoryRunners(tables)
        self.credentials = MemoryCredentials(tables)
        self.secrets = MemorySecrets(tables)
        self.master_keys = MemoryMasterKeys(tables)
        self.debts = MemoryDebts(tables)
        self.events = MemoryEvents(tables, epoch)

    def take_ids(self, noun: str, count: int = 1) -> range:
        return self._tables.take(noun, count)


class MemoryStore:
    """Runs each function at once, in the caller's turn of the event loop."""

    def __init__(self, epoch: str = "memory") -> None:
        self._journal = Journal()
        self._tx = MemoryTx(Tables(self._journal), epoch)
        self._closed = False

    async def write(self, work: Callable[[Tx], T], *, urgent: bool = False) -> T:  # noqa: ARG002
        return self._run(work, Mode.WRITING)

    async def read(self, work: Callable[[Tx], T]) -> T:
        return self._run(work, Mode.READING)

    async def close(self) -> None:
        self._closed = True

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Inside the block it is as a database that is away."""
        self._closed = True
        yield
        self._closed = False

    def _run(self, work: Callable[[Tx], T], mode: Mode) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        self._journal.begin(mode)
        try:
            return work(self._tx)
        except BaseException:
            self._journal.undo()
            raise
        finally:
            self._journal.end()
