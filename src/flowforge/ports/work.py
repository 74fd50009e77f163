"""How jobs reach a machine, and what it does with them."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Claim, Lease, Outcome, Renewal, StepReport
from flowforge.model.exit import Exit
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.probe import Probe


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
    """The only way jobs reach a machine. Every call may be repeated with the same effect; one whose lease was
    superseded raises `LeaseLost`."""

    async def claim(self, token: str, wait: float) -> Claim | None:
        """A job for this runner, or None after `wait` seconds without one. The lease bears `token`, which the runner
        makes and keeps until it holds the lease: asked again with it, the server answers the same claim again, so none
        is lost with an answer. Raises `LeaseLost` for a token whose attempt is over."""
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

    async def finish(self, lease: Lease, outcome: Outcome, steps: Sequence[StepReport] = ()) -> None:
        """The attempt is over and its log complete. `steps` is what was not reported yet."""
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
        it was handed over when this returns. Steps are asked for in the order of `JobOrder.watched`, each once, also the
        ones that a condition skips (their Exit says `skipped`). A step that ended long ago answers at once. A
        background step ends once those behind it did: by itself before, or it is ended then, which is a success."""
        ...

    async def stop(self, reason: str) -> None:
        """End the job: the running step gets TERM, after a grace KILL, and ends `cancelled`; those behind it are
        skipped. If the job was stopped before the last step that is waited for ended, exactly one Exit says `cancelled`:
        that of the step the stop cut off, or kept from beginning. May come at any time, also before `begin` and when the
        room was left. Idempotent, returns without waiting for the end."""
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
    """A runner's memory on disk between its lives: leases, how far attempts got, the token it last sought a claim with."""

    def seek(self, token: str) -> None: ...
    def sought(self) -> str: ...
    def hold(self, lease: Lease, note: str) -> None:
        """The lease with a first note, both or neither."""
        ...

    def held(self) -> Sequence[Lease]: ...
    def note(self, key: AttemptKey, text: str) -> None: ...

    def noted(self, key: AttemptKey) -> str:
        """The newest note, empty where there is none."""
        ...

    def drop(self, key: AttemptKey) -> None: ...
