"""The truth: transactions over rows."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from flowforge.ports.access import Credentials, Runners
from flowforge.ports.events import Events, StatusDebts
from flowforge.ports.projects import Deliveries, Pipelines, Projects, Timers
from flowforge.ports.runs import Attempts, Jobs, Neighbours, Runs, Steps, Turns
from flowforge.ports.secrets import MasterKeys, Secrets

T = TypeVar("T")


class Store(Protocol):
    """Truth. A write is a function of a transaction: it loads, decides and saves, may be run more than once
    (so it must not touch anything but its `Tx`), and its effects are durable before `write` returns. Functions given
    to `write` run one after the other in one thread; many may share one commit, each in a savepoint of its own, so one
    that raises undoes itself only and its exception reaches its own caller. A read sees one committed state."""

    async def write(self, work: "Callable[[Tx], T]", *, urgent: bool = False) -> T:
        """`urgent` work (webhooks, leases) goes before what is not."""
        ...

    async def read(self, work: "Callable[[Tx], T]") -> T: ...

    async def close(self) -> None:
        """Finish what was accepted, then let go of the database. Idempotent."""
        ...


class Tx(Protocol):
    """One transaction, one attribute a noun. Good only inside the function that received it. In a read every
    method that writes raises `Bug`."""

    @property
    def projects(self) -> Projects: ...
    @property
    def pipelines(self) -> Pipelines: ...
    @property
    def timers(self) -> Timers: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def neighbours(self) -> Neighbours: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def steps(self) -> Steps: ...
    @property
    def runners(self) -> Runners: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def master_keys(self) -> MasterKeys: ...
    @property
    def debts(self) -> StatusDebts: ...
    @property
    def events(self) -> Events: ...

    def take_ids(self, noun: str, count: int = 1) -> range:
        """The next `count` ids of a table (`projects`, `runs`, …), never given to anyone else."""
        ...
