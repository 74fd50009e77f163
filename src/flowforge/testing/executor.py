"""A fake of the port `Executor`: steps do what a script of acts says, and misuse is found out."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from flowforge.errors import BadInput, EngineUnavailable, RoomGone, SourceUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.exit import Exit
from flowforge.model.job_spec import Clone
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.probe import Probe
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Checkout, When
from flowforge.ports import Sink, Sources

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class Misuse(AssertionError):
    """The caller broke the port's contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a script does. One that `lasts` ends when it is stopped, by its timeout, once `FakeExecutor.let_end` is
    called, or in the background with the job."""

    output: bytes = b""
    code: int = 0
    lasts: bool = False


@dataclass(slots=True, kw_only=True)
class FakeJob:
    """What outlives its watchers; `exits` and `outputs` in the order in which steps are watched."""

    order: JobOrder
    secrets: Mapping[str, str] = field(default_factory=dict)
    exits: list[Exit] = field(default_factory=list)
    outputs: list[bytes] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    stop_reason: str | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    watched: bool = False

    @property
    def failed(self) -> bool:
        return any(ended.cause is not None for ended in self.exits)

    @property
    def cancelled(self) -> bool:
        return any(ended.status is Status.CANCELLED for ended in self.exits)

    def kept_from_beginning(self) -> Exit:
        if self.stop_reason is None or self.cancelled:
            return Exit(status=Status.SKIPPED)
        return Exit(status=Status.CANCELLED, cause=Cause.CANCELLED, reason=self.stop_reason)

    def applies(self, when: When) -> bool:
        return when is When.ALWAYS or (when is When.ON_FAIL) == self.failed


class FakeExecutor:
    """`acts` maps a script's text to what it does; any other text succeeds in silence. `workspaces` is where sources are
    placed. `jobs` has the rooms that exist, `removed` those that did; set `down` to let the engine fail, `stop_error` and
    `sweep_error` to let these calls raise."""

    def __init__(
        self,
        acts: Mapping[str, Act] | None = None,
        *,
        sources: Sources | None = None,
        workspaces: Path | None = None,
    ) -> None:
        self.acts = dict(acts or {})
        self.jobs: dict[AttemptKey, FakeJob] = {}
        self.removed: dict[AttemptKey, FakeJob] = {}
        self.down = ""
        self.stop_error: Exception | None = None
        self.sweep_error: Exception | None = None
        self.room = FakeRoom
        self._sources = sources
        self._workspaces = workspaces
        self._released: set[str] = set()
        self._open: set[AttemptKey] = set()

    async def probe(self) -> Probe:
        return Probe(usable=not self.down, engine="fake", reason=self.down)

    @asynccontextmanager
    async def open(self, key: AttemptKey, order: JobOrder) -> AsyncIterator["FakeRoom"]:
        if key in self._open:
            raise Misuse(f"the room {key} is open already")
        self._open.add(key)
        job = self.jobs.get(key) or FakeJob(order=order)
        job.watched = True
        try:
            yield self.room(self, key, job)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException:
            self._remove(key)
            raise
        finally:
            job.watched = False
            self._open.discard(key)
        self._remove(key)

    async def make(self, key: AttemptKey, job: FakeJob) -> None:
        if self.down:
            raise EngineUnavailable(self.down)
        if key in self.jobs:
            raise Misuse(f"the room {key} was begun before")
        if job.order.clone is Clone.BEFORE_STEPS and job.order.source is not None:
            await self.place(key, job.order.source, ".")
        self.jobs[key] = job

    async def sweep(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        if self.sweep_error is not None:
            raise self.sweep_error
        gone = sorted(key for key in self.jobs if key not in keep and key not in self._open)
        for key in gone:
            self._remove(key)
        return [f"room {key}" for key in gone]

    def let_end(self, text: str) -> None:
        """Scripts with this text last no longer."""
        self._released.add(text)
        for job in self.jobs.values():
            job.wake.set()

    def lasts(self, text: str) -> bool:
        return self.acts.get(text, Act()).lasts and text not in self._released

    async def place(self, key: AttemptKey, source: Source | None, path: str) -> str:
        if source is None:
            raise BadInput("there is nothing to check out: this run has no repository")
        if self._sources is None:
            return f"{source.origin} at {source.commit}"
        if self._workspaces is None:
            raise Misuse("a FakeExecutor with sources needs a folder for its workspaces")
        into = self._workspaces / str(key) / path
        into.mkdir(parents=True, exist_ok=True)
        return await self._sources.place(source, into)

    def _remove(self, key: AttemptKey) -> None:
        if key in self.jobs:
            self.removed[key] = self.jobs.pop(key)


class FakeRoom:
    def __init__(self, executor: FakeExecutor, key: AttemptKey, job: FakeJob) -> None:
        self._executor = executor
        self._key = key
        self._job = job
        self._next = 0
        self._making: asyncio.Timeout | None = None

    async def begin(self, secrets: Mapping[str, str]) -> None:
        self._job.secrets = dict(secrets)
        try:
            async with asyncio.timeout(None) as self._making:
                if self._job.stop_reason is None:
                    await self._executor.make(self._key, self._job)
        except TimeoutError:
            if self._job.stop_reason is None:
                raise
        finally:
            self._making = None

    async def resume(self) -> Mapping[str, str]:
        if self._executor.down:
            raise EngineUnavailable(self._executor.down)
        if self._executor.jobs.get(self._key) is not self._job:
            raise RoomGone(f"there is no room {self._key}")
        return self._job.secrets

    async def run(self, step: StepOrder, sink: Sink, *, since: int = 0) -> Exit:
        self._check(step)
        place = self._next
        if place == len(self._job.exits):
            await self._begin(step, place)
        output = self._job.outputs[place][since:]
        if output:
            await sink.write(output)
        if place == len(self._job.exits):
            self._job.exits.append(await self._finish(step))
        self._next += 1
        return self._job.exits[place]

    async def stop(self, reason: str) -> None:
        if self._executor.stop_error is not None:
            raise self._executor.stop_error
        if self._job.stop_reason is None:
            self._job.stop_reason = reason
            if self._making is not None:
                self._making.reschedule(asyncio.get_running_loop().time())
        self._job.wake.set()

    def _check(self, step: StepOrder) -> None:
        made = self._executor.jobs.get(self._key) is self._job
        if not self._job.watched:
            raise Misuse(f"the room {self._key} was left")
        if not made and self._job.stop_reason is None:
            raise Misuse(f"the room {self._key} was not begun")
        wanted = self._job.order.watched[self._next]
        if step.index != wanted.index:
            raise Misuse(f"step {step.index} was asked for when step {wanted.index} is next")
        if step != wanted:
            raise Misuse(f"step {step.index} is not the order's")

    async def _begin(self, step: StepOrder, place: int) -> None:
        """Make the step's output, once however often it is watched."""
        job = self._job
        if len(job.outputs) > place:
            return
        if job.stop_reason is not None or not job.applies(step.when):
            job.outputs.append(b"")
            job.exits.append(job.kept_from_beginning())
        elif isinstance(step.do, Checkout):
            await self._checkout(step.do)
        else:
            job.begun.append(step.index)
            job.outputs.append(self._executor.acts.get(step.do.text, Act()).output)

    async def _checkout(self, checkout: Checkout) -> None:
        text, ended = b"", _exit(Status.SUCCESS, code=None)
        try:
            text = (
                f"{await self._executor.place(self._key, self._job.order.source, checkout.path)}\n".encode()
            )
        except SourceUnavailable as error:
            ended = _exit(Status.FAILURE, Cause.INFRASTRUCTURE, code=None, reason=error.message)
        except BadInput as error:
            ended = _exit(Status.FAILURE, Cause.CONFIG, code=None, reason=error.message)
        self._job.outputs.append(text)
        self._job.exits.append(ended)

    async def _finish(self, step: StepOrder) -> Exit:
        text = "" if isinstance(step.do, Checkout) else step.do.text
        if step.background and self._executor.lasts(text):
            return _exit(Status.SUCCESS, code=None)
        while self._executor.lasts(text) and self._job.stop_reason is None:
            if step.timeout is not None:
                reason = f'step "{step.name}" did not end within {step.timeout:g} s'
                return _exit(Status.FAILURE, Cause.TIMEOUT, code=143, reason=reason)
            self._job.wake.clear()
            await self._job.wake.wait()
        if self._job.stop_reason is not None:
            return _exit(Status.CANCELLED, Cause.CANCELLED, code=143, reason=self._job.stop_reason)
        code = self._executor.acts.get(text, Act()).code
        return _exit(Status.FAILURE, Cause.EXIT, code=code) if code else _exit(Status.SUCCESS, code=0)


def _exit(status: Status, cause: Cause | None = None, *, code: int | None, reason: str = "") -> Exit:
    return Exit(
        status=status, cause=cause, code=code, reason=reason, started_at=BEGINNING, finished_at=BEGINNING
    )
