"""Every seam of the system on one page. At most seven methods each; the docstring is the whole contract.

Machinery that fails raises from `flowforge.errors`; what a user's step does is a value. Methods may be called from
one event loop only unless they say otherwise. A cancelled call leaves nothing half done that a second call cannot finish.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.claim import Claim, Lease, Outcome, Renewal, StepReport
from flowforge.model.commit_status import CommitStatus, StatusDebt
from flowforge.model.credential import Credential, CredentialKind
from flowforge.model.delivery import Delivery
from flowforge.model.event import Event, NewEvent
from flowforge.model.exit import Exit
from flowforge.model.http import HttpAnswer, HttpRequest
from flowforge.model.job_run import JobRun
from flowforge.model.log import LogLines, LogSize
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.probe import Probe
from flowforge.model.project import Pipeline, Project
from flowforge.model.run import Run
from flowforge.model.runner import Runner
from flowforge.model.source import Source
from flowforge.model.step_run import StepRun

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall clock, UTC and aware: for people and rows, never for deadlines."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow: for deadlines and leases."""
        ...


# The store


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
    def projects(self) -> "Projects": ...
    @property
    def pipelines(self) -> "Pipelines": ...
    @property
    def deliveries(self) -> "Deliveries": ...
    @property
    def runs(self) -> "Runs": ...
    @property
    def jobs(self) -> "Jobs": ...
    @property
    def attempts(self) -> "Attempts": ...
    @property
    def steps(self) -> "Steps": ...
    @property
    def runners(self) -> "Runners": ...
    @property
    def credentials(self) -> "Credentials": ...
    @property
    def debts(self) -> "StatusDebts": ...
    @property
    def events(self) -> "Events": ...

    def take_ids(self, noun: str, count: int = 1) -> range:
        """The next `count` ids of a table (`projects`, `runs`, …), never given to anyone else."""
        ...


class Projects(Protocol):
    def get(self, id: int) -> Project | None: ...
    def find(self, origin: str, native_id: str) -> Project | None: ...

    def named(self, name: str) -> Sequence[Project]:
        """Those called so now, then those called so formerly."""
        ...

    def save(self, project: Project) -> None:
        """Insert, or replace all but `last_number`."""
        ...

    def take_numbers(self, id: int, count: int = 1) -> range:
        """The project's next run numbers."""
        ...

    def newest(self, limit: int, *, after: int | None = None) -> Sequence[Project]:
        """By id descending; `after` is the last id of the page before."""
        ...


class Pipelines(Protocol):
    def get(self, id: int) -> Pipeline | None: ...
    def find(self, project_id: int, provider: str, path: str) -> Pipeline | None: ...
    def save(self, pipeline: Pipeline) -> None: ...
    def of(self, project_id: int) -> Sequence[Pipeline]: ...


class Deliveries(Protocol):
    def known(self, keys: Collection[str]) -> Mapping[str, Delivery]:
        """Of these delivery keys and event keys, the deliveries that have one of them, by that key."""
        ...

    def add(self, deliveries: Sequence[Delivery]) -> None: ...
    def get(self, id: int) -> Delivery | None: ...


class Runs(Protocol):
    def add(self, runs: Sequence[Run]) -> None: ...
    def get(self, id: int) -> Run | None: ...

    def hold(self, id: int) -> Run | None:
        """Like `get`, and nobody else changes the run or its jobs until this transaction ends."""
        ...

    def save(self, run: Run) -> None:
        """Replace the row of an existing run."""
        ...

    def newest(
        self,
        limit: int,
        *,
        after: int | None = None,
        project_id: int | None = None,
        branch: str | None = None,
        status: str | None = None,
    ) -> Sequence[Run]:
        """By id descending, without `config_text`; `after` is the last id of the page before."""
        ...

    def unplanned(self) -> Sequence[int]:
        """Ids of runs that are not over and have no `planned_at`, oldest first."""
        ...

    def open(self) -> Sequence[int]:
        """Ids of planned runs that are not over, oldest first."""
        ...


class Jobs(Protocol):
    def add(self, jobs: Sequence[JobRun]) -> None: ...
    def get(self, id: int) -> JobRun | None: ...

    def of(self, run_ids: Collection[int]) -> Sequence[JobRun]:
        """In plan order, run by run, without their orders."""
        ...

    def save(self, job: JobRun) -> None:
        """Replace the row of an existing job; `order` stays as it was added."""
        ...

    def ready(self, limit: int) -> Sequence[JobRun]:
        """Jobs that wait for a runner, oldest `ready_at` first; those that another transaction holds are left out."""
        ...


class Attempts(Protocol):
    def add(self, attempt: Attempt) -> None: ...
    def get(self, key: AttemptKey) -> Attempt | None: ...
    def save(self, attempt: Attempt) -> None: ...
    def of(self, job_id: int) -> Sequence[Attempt]: ...

    def live(self, runner_id: int | None = None) -> Sequence[Attempt]:
        """Those that are not over, of one runner or of all."""
        ...

    def beat(self, keys: Collection[AttemptKey]) -> None:
        """Raise the renewal counter of those that are not over."""
        ...


class Steps(Protocol):
    def save(self, steps: Sequence[StepRun]) -> None:
        """Insert or replace, by attempt and index."""
        ...

    def of(self, attempts: Collection[AttemptKey]) -> Sequence[StepRun]:
        """By attempt, then index."""
        ...


class Runners(Protocol):
    def get(self, id: int) -> Runner | None: ...
    def save(self, runner: Runner) -> None: ...
    def all(self) -> Sequence[Runner]: ...
    def remove(self, id: int) -> None: ...


class Credentials(Protocol):
    def add(self, credential: Credential) -> None: ...
    def find(self, hash: str, kind: CredentialKind) -> Credential | None: ...

    def remove(self, hash: str) -> bool:
        """True for the one caller that removed it: what makes a one-time link one-time."""
        ...

    def remove_kind(self, kind: CredentialKind) -> None: ...

    def prune(self, now: datetime) -> int:
        """Remove those that expired before `now`."""
        ...


class StatusDebts(Protocol):
    def get(self, run_id: int) -> StatusDebt | None: ...
    def save(self, debt: StatusDebt) -> None: ...

    def due(self, now: datetime, limit: int) -> Sequence[StatusDebt]:
        """Those wanted and not delivered whose next try is not in the future, longest waiting first."""
        ...

    def next_try(self) -> datetime | None:
        """When the earliest undelivered one is due."""
        ...


class Events(Protocol):
    """Ids are dense over committed transactions, so a reader that has seen n has seen all up to n."""

    def append(self, events: Iterable[NewEvent]) -> None: ...

    def since(self, id: int, limit: int) -> Sequence[Event]:
        """Those behind `id`, oldest first."""
        ...

    def last(self) -> int:
        """0 when there is none."""
        ...

    def cursor(self, reader: str) -> int:
        """How far a named reader has read; 0 for a new one."""
        ...

    def move(self, reader: str, id: int) -> None: ...

    def epoch(self) -> str:
        """Names this history: another database, another epoch."""
        ...


# Logs


class Logs(Protocol):
    """One byte stream an attempt. What `append` accepted is read back the same, in the same order, by every method.
    Safe to read while it grows and while it is sealed."""

    async def append(self, key: AttemptKey, offset: int, data: bytes) -> int:
        """Store `data` at `offset`, which must not lie behind the end; what is there already is skipped. Answers the
        size; one smaller than `offset` means a gap: nothing was stored, send from there."""
        ...

    async def size(self, key: AttemptKey) -> LogSize:
        """Of a log that nobody wrote: no bytes, not sealed."""
        ...

    def read(self, key: AttemptKey, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to `end` (exclusive), as far as they are there now."""
        ...

    async def lines(self, key: AttemptKey, first: int, count: int) -> LogLines:
        """A last line without its newline counts as a line."""
        ...

    def follow(self, key: AttemptKey, start: int = 0) -> AsyncIterator[bytes]:
        """Like `read`, and waits for more until the log is sealed."""
        ...

    async def seal(self, key: AttemptKey) -> LogSize:
        """Nothing more will come. Idempotent; ends followers once they have everything."""
        ...

    async def delete(self, run: int) -> None:
        """All logs of a run."""
        ...


# Work


class Listener(Protocol):
    async def wait(self, timeout: float) -> bool:
        """True as soon as the topic was rung since the last wait ended (or since `listen`), False after `timeout` seconds."""
        ...


class Bell(Protocol):
    """Wakes those who wait. A ring may be lost or mean nothing, so a listener looks at the truth after each wait."""

    def ring(self, topic: str) -> None: ...

    def listen(self, topic: str) -> Listener:
        """Dropped when nobody holds it any more."""
        ...


class RunnerLink(Protocol):
    """The only way jobs reach a machine. Every call but `claim` may be repeated with the same effect; one whose lease
    was superseded raises `LeaseLost`."""

    async def claim(self, wait: float) -> Claim | None:
        """A job for this runner, or None after `wait` seconds without one."""
        ...

    async def resume(self, lease: Lease) -> Claim:
        """What was claimed under this lease, again, without its secrets: for a runner that was restarted, whose room
        has them."""
        ...

    async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
        """Heartbeat for all that this runner holds. Answers at once when there is something to stop or lost, otherwise
        after `wait` seconds."""
        ...

    async def report(self, lease: Lease, steps: Sequence[StepReport]) -> None: ...

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        """As `Logs.append`."""
        ...

    async def finish(self, lease: Lease, outcome: Outcome) -> None:
        """The attempt is over and its log complete."""
        ...


class Sink(Protocol):
    async def write(self, data: bytes) -> int:
        """Takes the next bytes of a step. Answers how many of the step's bytes, counted from its start, need never be
        read again. Slow answers are back-pressure."""
        ...


class Room(Protocol):
    """Where one attempt's steps run. Either `begin` or `resume` comes first, once. From then on the steps go on without
    us: `run` watches, it does not drive."""

    async def begin(self, secrets: Mapping[str, str]) -> None:
        """Make the room and start its steps; once in an attempt's life. What an earlier life made without starting it
        is replaced. A `stop` cancels the making: this then returns, and nothing starts. Raises `EngineUnavailable`,
        `SourceUnavailable`, `Conflict` where the workspace is somebody else's, or `BadInput` where the order cannot be
        carried out here (an image that does not exist)."""
        ...

    async def resume(self) -> Mapping[str, str]:
        """Adopt the room that an earlier life began, and answer the secrets it was begun with: those that its output
        may hold. Raises `RoomGone` where there is no such room (a machine that restarted)."""
        ...

    async def run(self, step: StepOrder, sink: Sink, *, since: int = 0) -> Exit:
        """Wait for one step to begin and end, handing its output from byte `since` on to `sink` as it comes; all of
        it was handed over when this returns. Steps are asked for in order, each once, also the ones that a condition
        skips (their Exit says `skipped`). A step that ended long ago answers at once."""
        ...

    async def stop(self, reason: str) -> None:
        """End the job: the running step gets TERM, after a grace KILL, and ends `cancelled`; those behind it are
        skipped. If the job was stopped before its last step ended, exactly one Exit says `cancelled`: that of the step
        the stop cut off, or kept from beginning. May come at any time, also before `begin` and when the room was left.
        Idempotent, returns without waiting for the end."""
        ...


class Executor(Protocol):
    async def probe(self) -> Probe: ...

    def open(self, key: AttemptKey, order: JobOrder) -> AbstractAsyncContextManager[Room]:
        """Name the attempt's room; nothing is made yet. Leaving the block in order, or by an error, ends and removes
        everything that bears the name, also what is left of a room that is gone; leaving it by cancellation leaves the
        room running, to be resumed later. A failure to remove is logged and left to `sweep`."""
        ...

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        """Remove every room of this instance (containers, networks, volumes, folders) that is neither in `keep` nor
        open here; names what was removed. May be called at any time. Never touches what another instance made."""
        ...


class Spool(Protocol):
    """What a runner remembers on disk between its lives: its leases, and how far each attempt got."""

    def hold(self, lease: Lease) -> None: ...
    def held(self) -> Sequence[Lease]: ...
    def note(self, key: AttemptKey, text: str) -> None: ...

    def noted(self, key: AttemptKey) -> str:
        """The newest note, empty where there is none."""
        ...

    def drop(self, key: AttemptKey) -> None: ...


class Sources(Protocol):
    """Brings a commit's files into a workspace."""

    async def place(self, source: Source, into: Path) -> str:
        """Write the source's files below the folder `into`, which exists, replacing what stands in their way and
        following no link below it. Answers one line that says what was placed. May be repeated. Raises `SourceUnavailable`."""
        ...


class Mirrors(Protocol):
    """Bare copies of repositories, one for each clone URL. No work tree is ever made here."""

    async def fetch(self, url: str, commit: str, ref: str) -> str:
        """Make the commit available (the ref's tip when `commit` is empty) and answer its full id. Raises
        `SourceUnavailable`, `BadInput` for a URL, commit or ref that is not one."""
        ...

    async def read(self, url: str, commit: str, path: str) -> bytes | None:
        """A regular file's content at a fetched commit; None where there is none. A link or a file over the config
        limit raises `BadInput`."""
        ...

    async def list(self, url: str, commit: str, folder: str) -> Sequence[str]:
        """Paths of the regular files directly in a folder of a fetched commit."""
        ...


# The world outside


class Http(Protocol):
    async def send(self, request: HttpRequest) -> HttpAnswer:
        """One exchange: bounded in time and size, no redirect to another origin with credentials, retried only where
        the request says it is safe. Raises `Upstream` when there was no answer."""
        ...


class CommitStatuses(Protocol):
    async def post(self, status: CommitStatus) -> None:
        """Show it at the forge; the same one twice is harmless. Raises `Upstream`, `final` where no try can help."""
        ...


class Vault(Protocol):
    """The one door to secret values."""

    def get(self, name: str) -> str | None: ...
