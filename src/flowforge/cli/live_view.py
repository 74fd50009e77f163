"""A local run for somebody who watches: lines pass by above, below them stands how every job fares."""

import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flowforge.cli.durations import duration
from flowforge.cli.foreign_text import one_line
from flowforge.cli.run_lines import RunLines
from flowforge.cli.terminal import Terminal
from flowforge.model.status import Status
from flowforge.services.local_events import (
    JobFinished,
    JobStarted,
    LocalEvent,
    RunFinished,
    StepStarted,
)

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_SPINNER = "-\\|/"
TURNS = 10
"""Frames of the spinner a second."""
FEWEST_ROWS = 3

# Terminals that know it draw what lies between in one go; others ignore it.
_BEGIN_FRAME, _END_FRAME = "\x1b[?2026h", "\x1b[?2026l"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    needs: tuple[str, ...]
    status: Status = Status.PENDING
    step: str = ""
    began: float = 0.0
    seconds: float = 0.0


class LiveView:
    """`now` is a monotonic clock. `refresh` is called some times a second."""

    def __init__(
        self, jobs: Mapping[str, tuple[str, ...]], terminal: Terminal, now: Callable[[], float]
    ) -> None:
        self._rows = {job: JobRow(needs=needs) for job, needs in jobs.items()}
        self._terminal = terminal
        self._now = now
        self._lines = RunLines(list(jobs), terminal)
        self._drawn: list[str] = []
        self._over = False

    def hear(self, event: LocalEvent) -> None:
        lines = list(self._lines.of(event))
        self._note(event)
        self._print(lines)

    def say(self, line: str) -> None:
        self._print([line])

    def refresh(self) -> None:
        if not self._over:
            self._print([])

    def close(self) -> None:
        """Leave nothing behind that moves, also when the end was not heard."""
        self._over = True
        self._print([])

    def _note(self, event: LocalEvent) -> None:
        match event:
            case JobStarted():
                row = replace(self._rows[event.job], status=Status.RUNNING, step="", began=self._now())
                self._rows[event.job] = row
            case StepStarted():
                self._rows[event.job] = replace(self._rows[event.job], step=event.step)
            case JobFinished():
                row = replace(self._rows[event.job], status=event.status, seconds=event.seconds)
                self._rows[event.job] = row
            case RunFinished():
                self._over = True

    def _print(self, lines: Sequence[str]) -> None:
        width = self._terminal.width
        block = [] if self._over else list(self._block(width))
        if not lines and block == self._drawn:
            return
        printed = "".join(f"{line}\x1b[K\n" for line in (*lines, *block))
        self._terminal.write(f"{_BEGIN_FRAME}{self._back(width)}{printed}\x1b[J{_END_FRAME}")
        self._drawn = block

    def _back(self, width: int) -> str:
        """To where the block begins. The window may be narrower than when it was drawn: lines are in pieces then."""
        rows = sum(max(1, -(-_cells(line) // width)) for line in self._drawn)
        return f"\x1b[{rows}A\r" if rows else ""

    def _block(self, width: int) -> Iterator[str]:
        yield self._terminal.paint(("─" if self._terminal.unicode else "-") * min(width - 1, 72), "dim")
        room = max(FEWEST_ROWS, shutil.get_terminal_size().lines // 2 - 2)
        shown = list(self._rows.items())
        if len(shown) > room:
            shown = [(job, row) for job, row in shown if row.status is Status.RUNNING][: room - 1]
        for job, row in shown:
            yield self._row(job, row, width)
        if len(shown) < len(self._rows):
            yield self._rest(len(self._rows) - len(shown))

    def _row(self, job: str, row: JobRow, width: int) -> str:
        paint = self._terminal.paint
        icon = self._spinner() if row.status is Status.RUNNING else self._terminal.icon(row.status)
        seconds = self._now() - row.began if row.status is Status.RUNNING else row.seconds
        began = row.status is Status.RUNNING or row.seconds > 0
        head = f"{self._lines.name(job)}  {duration(seconds) if began else '':>7}  "
        note = _cut(self._note_of(job, row), width - 3 - _cells(head))
        return f"{icon} {head}{paint(note, 'dim')}".rstrip()

    def _note_of(self, job: str, row: JobRow) -> str:
        if row.status is Status.PENDING:
            waits = [need for need in row.needs if not self._rows[need].status.terminal]
            return (
                f"waits for {', '.join(one_line(need) for need in waits)}" if waits else "waits for its turn"
            )
        if row.status is not Status.RUNNING:
            return ""
        if not row.step:
            return "is being prepared"
        writing = self._lines.unfinished(job)
        return f"{one_line(row.step)}  {writing}" if writing else one_line(row.step)

    def _rest(self, hidden: int) -> str:
        done = sum(row.status.terminal for row in self._rows.values())
        words = f"… {hidden} more, {done} of {len(self._rows)} jobs are over"
        return self._terminal.paint(words, "dim")

    def _spinner(self) -> str:
        frames = _SPINNER if self._terminal.unicode else _PLAIN_SPINNER
        return self._terminal.paint(frames[int(self._now() * TURNS) % len(frames)], "blue")


def _cells(line: str) -> int:
    """How many columns a painted line takes."""
    plain, painted = [], False
    for character in line:
        if character == "\x1b":
            painted = True
        elif not painted:
            plain.append(character)
        elif character == "m":
            painted = False
    return sum(_columns(character) for character in plain)


def _cut(text: str, columns: int) -> str:
    taken = 0
    for place, character in enumerate(text):
        taken += _columns(character)
        if taken > columns:
            return text[: max(0, place - 1)] + "…"
    return text


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
