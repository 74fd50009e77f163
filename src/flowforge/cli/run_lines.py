"""A local run as lines for a person: each job's output behind its name, steps with their seconds, and a summary."""

from collections import deque
from collections.abc import Iterator, Sequence

from flowforge.cli.durations import duration
from flowforge.cli.foreign_text import harmless, one_line
from flowforge.cli.step_lines import StepLines, as_shown
from flowforge.cli.terminal import Terminal
from flowforge.model.status import Cause, Status
from flowforge.services.local_events import (
    JobFinished,
    JobResult,
    JobStarted,
    LocalEvent,
    RunFinished,
    StepFinished,
    StepOutput,
    StepStarted,
)

LAST_LINES = 12
"""Of a failed step's output are shown again at the end."""
WIDEST_NAME = 24

_COLOURS = ("cyan", "magenta", "blue", "yellow")
_WORDS = (
    (Status.SUCCESS, "succeeded"),
    (Status.FAILURE, "failed"),
    (Status.CANCELLED, "cancelled"),
    (Status.SKIPPED, "skipped"),
)


class RunLines:
    """Turns events into lines without their newlines. `tail` has the newest lines of each job's newest step."""

    def __init__(self, jobs: Sequence[str], terminal: Terminal) -> None:
        self._terminal = terminal
        self.width = min(WIDEST_NAME, max((len(one_line(job)) for job in jobs), default=0))
        self._prefixes = {job: self._prefix(job, number) for number, job in enumerate(jobs)}
        self._output: dict[str, StepLines] = {}
        self.tail: dict[str, deque[str]] = {}
        self._failures: list[tuple[StepFinished, Sequence[str]]] = []

    def of(self, event: LocalEvent) -> Iterator[str]:
        match event:
            case JobStarted():
                self.tail[event.job] = deque(maxlen=LAST_LINES)
                if event.attempt > 1:
                    yield self._line(event.job, self._paint(f"attempt {event.attempt}", "yellow"))
            case StepStarted():
                self.tail[event.job].clear()
                self._output[event.job] = StepLines()
                mark = "▸" if self._terminal.unicode else ">"
                yield self._line(event.job, self._paint(f"{mark} {one_line(event.step)}", "bold"))
            case StepOutput():
                yield from self._shown(event.job, self._output[event.job].feed(event.data))
            case StepFinished():
                yield from self._step_finished(event)
            case JobFinished():
                yield from self._job_finished(event)
            case RunFinished():
                yield from self._summary(event)

    def unfinished(self, job: str) -> str:
        """The line that the job's step is writing at."""
        output = self._output.get(job)
        return harmless(as_shown(output.rest)) if output else ""

    def name(self, job: str) -> str:
        """Padded to the common width."""
        name = one_line(job)
        cut = name if len(name) <= self.width else name[: self.width - 1] + "…"
        return cut.ljust(self.width)

    def _shown(self, job: str, lines: Sequence[str]) -> Iterator[str]:
        for line in lines:
            text = harmless(as_shown(line), self._terminal.colour)
            self.tail[job].append(text)
            yield self._line(job, text)

    def _step_finished(self, event: StepFinished) -> Iterator[str]:
        if event.job in self._output:
            yield from self._shown(event.job, self._output.pop(event.job).end())
        if event.status is Status.SKIPPED:
            return
        if event.status is Status.FAILURE:
            self._failures.append((event, tuple(self.tail[event.job])))
        seconds = self._paint(duration(event.seconds), "dim")
        why = f"  {one_line(_why(event))}" if event.status is not Status.SUCCESS else ""
        icon = self._terminal.icon(event.status)
        yield self._line(event.job, f"{icon} {one_line(event.step)}  {seconds}{why}")

    def _job_finished(self, event: JobFinished) -> Iterator[str]:
        if event.status is Status.SKIPPED:
            return
        yield self._line(
            event.job, f"{self._terminal.status(event.status)} in {duration(event.seconds)}".rstrip()
        )

    def _summary(self, event: RunFinished) -> Iterator[str]:
        if event.status is Status.SKIPPED:
            yield f"{self._terminal.status(event.status)}: {one_line(event.reason)}"
            return
        yield ""
        for job in event.jobs:
            yield self._result(job)
        for failure, lines in self._failures:
            yield from self._failure(failure, lines)
        yield ""
        counts = [
            f"{count} {word}"
            for status, word in _WORDS
            if (count := sum(job.status is status for job in event.jobs))
        ]
        total = f"{self._terminal.status(event.status)} in {duration(event.seconds)}"
        yield f"{total}: {', '.join(counts)}"

    def _result(self, job: JobResult) -> str:
        seconds = duration(job.seconds) if job.steps else ""
        line = f"{self._terminal.icon(job.status)} {self.name(job.name)}  {seconds:>7}"
        if job.status is not Status.SUCCESS and job.reason:
            line += f"  {self._paint(one_line(job.reason), 'dim')}"
        return line.rstrip()

    def _failure(self, failure: StepFinished, lines: Sequence[str]) -> Iterator[str]:
        arrow = "→" if self._terminal.unicode else ">"
        where = self._paint(f"{one_line(failure.job)} {arrow} {one_line(failure.step)}", "bold")
        yield ""
        behind = "; its last lines:" if lines else ", without any output"
        yield f"{self._terminal.icon(Status.FAILURE)} {where}: {one_line(_why(failure))}{behind}"
        yield from (f"    {line}" for line in lines)

    def _line(self, job: str, text: str) -> str:
        return f"{self._prefixes[job]}{text}"

    def _prefix(self, job: str, number: int) -> str:
        if not self._terminal.moving:
            return f"[{one_line(job)}] "
        edge = "│" if self._terminal.unicode else "|"
        return self._paint(f"{self.name(job)} {edge} ", _COLOURS[number % len(_COLOURS)])

    def _paint(self, text: str, *styles: str) -> str:
        return self._terminal.paint(text, *styles)


def _why(event: StepFinished) -> str:
    if event.reason:
        return event.reason
    if event.cause is Cause.EXIT:
        return f"exit code {event.exit_code}"
    return str(event.cause or event.status)


class PlainView:
    """For a file or a program that reads along: nothing is printed over."""

    def __init__(self, jobs: Sequence[str], terminal: Terminal) -> None:
        self._lines = RunLines(jobs, terminal)
        self._terminal = terminal

    def hear(self, event: LocalEvent) -> None:
        text = "".join(f"{line}\n" for line in self._lines.of(event))
        if text:
            self._terminal.write(text)

    def refresh(self) -> None:
        """Nothing moves here."""
