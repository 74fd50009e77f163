"""One job of a local run: its newest attempt, and what became of its steps."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from flowforge.engine.mask import Masker
from flowforge.engine.retry import Failure
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Lease, StepReport
from flowforge.model.order import JobOrder
from flowforge.model.status import Status
from flowforge.services.local_events import LocalEvent, StepFinished, StepOutput, StepResult, StepStarted


@dataclass(slots=True, kw_only=True)
class LocalJob:
    """`steps` are the newest reports, one for each step of the order. `size` is how much of the log was taken,
    `failures` how the attempts so far ended."""

    id: int
    order: JobOrder
    masker: Masker
    attempt: int = 0
    token: str = ""
    started: float = 0.0
    seconds: float = 0.0
    size: int = 0
    steps: list[StepReport] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def key(self) -> AttemptKey:
        return AttemptKey(run=1, job=self.id, number=self.attempt)

    @property
    def lease(self) -> Lease:
        return Lease(attempt=self.key, token=self.token)

    def begin(self, token: str, now: float) -> None:
        self.attempt += 1
        self.token = token
        self.started = now
        self.size = 0
        self.steps = [StepReport(index=step.index, status=Status.PENDING) for step in self.order.steps]

    def note(self, report: StepReport) -> Iterator[LocalEvent]:
        """A step's beginning may be reported late or not at all; it is told before anything else of the step."""
        before = self.steps[report.index]
        if before.status.terminal or before.status is report.status:
            return
        if before.status is Status.PENDING and report.status is not Status.SKIPPED:
            yield self._started(report.index)
        if report.status.terminal:
            yield from self._shown(report.index, self.masker.flush())
            yield self._finished(report)
        self.steps[report.index] = report

    def take(self, offset: int, data: bytes) -> Iterator[LocalEvent]:
        """What is new of it, as output of the step that is under way."""
        new = data[self.size - offset :] if offset <= self.size else b""
        self.size += len(new)
        index = self._under_way()
        if new and self.steps[index].status is Status.PENDING:
            yield from self.note(StepReport(index=index, status=Status.RUNNING))
        yield from self._shown(index, self.masker.feed(new))

    def end(self, now: float) -> Iterator[LocalEvent]:
        self.seconds = now - self.started
        for step in [step for step in self.steps if not step.status.terminal]:
            reason = "the job ended before it"
            yield from self.note(StepReport(index=step.index, status=Status.SKIPPED, reason=reason))

    def results(self) -> tuple[StepResult, ...]:
        return tuple(
            StepResult(name=order.name, status=step.status, exit_code=step.exit_code)
            for order, step in zip(self.order.steps, self.steps, strict=False)
        )

    def failing_code(self) -> int | None:
        return next((step.exit_code for step in self.steps if step.status is Status.FAILURE), None)

    def _started(self, index: int) -> StepStarted:
        return StepStarted(job=self.order.key, index=index, step=self.order.steps[index].name)

    def _shown(self, index: int, data: bytes) -> Iterator[LocalEvent]:
        if data:
            name = self.order.steps[index].name
            yield StepOutput(job=self.order.key, index=index, step=name, data=data)

    def _under_way(self) -> int:
        """A step's bytes come before its end is reported, and the next one's behind that."""
        running = (step.index for step in self.steps if step.status is Status.RUNNING)
        watched = self.order.watched
        left = (step.index for step in watched if not self.steps[step.index].status.terminal)
        return next(running, next(left, watched[-1].index))

    def _finished(self, report: StepReport) -> StepFinished:
        began, ended = report.started_at, report.finished_at
        return StepFinished(
            job=self.order.key,
            index=report.index,
            step=self.order.steps[report.index].name,
            status=report.status,
            cause=report.cause,
            reason=report.reason,
            exit_code=report.exit_code,
            seconds=(ended - began).total_seconds() if began and ended else 0.0,
        )
