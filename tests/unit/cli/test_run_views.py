"""What a person or a program sees of a local run, event by event."""

import io
import json
from collections.abc import Sequence

import pytest

from flowforge.cli.live_view import LiveView
from flowforge.cli.run_json import JsonView
from flowforge.cli.run_lines import PlainView
from flowforge.cli.step_lines import StepLines, as_shown
from flowforge.cli.terminal import Colour, Terminal
from flowforge.model.status import Cause, Status
from flowforge.services.local_events import (
    JobFinished,
    JobResult,
    JobStarted,
    LocalEvent,
    RunFinished,
    StepFinished,
    StepOutput,
    StepResult,
    StepStarted,
)

REASON = 'step "Test" ended with exit code 3'


def _output(data: bytes) -> StepOutput:
    return StepOutput(job="unit", index=0, step="Test", data=data)


def _events(*data: bytes) -> list[LocalEvent]:
    return [
        JobStarted(job="unit", attempt=1),
        StepStarted(job="unit", index=0, step="Test"),
        *(_output(each) for each in data),
        StepFinished(
            job="unit", index=0, step="Test", status=Status.FAILURE, cause=Cause.EXIT, reason="",
            exit_code=3, seconds=1.25,
        ),
        StepFinished(
            job="unit", index=1, step="Tidy", status=Status.SKIPPED, cause=None, reason="", exit_code=None,
            seconds=0,
        ),
        JobFinished(job="unit", status=Status.FAILURE, cause=Cause.EXIT, reason=REASON, seconds=1.5),
        JobFinished(job="ship", status=Status.SKIPPED, cause=Cause.NEEDS, reason="needs unit", seconds=0),
        RunFinished(status=Status.FAILURE, reason="", seconds=62.0, jobs=_results()),
    ]  # fmt: skip


def _results() -> tuple[JobResult, ...]:
    steps = (
        StepResult(name="Test", status=Status.FAILURE, exit_code=3),
        StepResult(name="Tidy", status=Status.SKIPPED, exit_code=None),
    )
    return (
        JobResult(
            name="unit", status=Status.FAILURE, cause=Cause.EXIT, reason=REASON, seconds=1.5, steps=steps
        ),
        JobResult(
            name="ship", status=Status.SKIPPED, cause=Cause.NEEDS, reason="needs unit", seconds=0, steps=()
        ),
    )


def _terminal(*, moving: bool = False) -> Terminal:
    return Terminal(out=io.StringIO(), colour=Colour.HIDDEN, moving=moving, unicode=True)


def _printed(terminal: Terminal) -> str:
    assert isinstance(terminal.out, io.StringIO)
    return terminal.out.getvalue()


def test_a_program_that_reads_along_gets_lines_and_a_summary() -> None:
    terminal = _terminal()
    view = PlainView(["unit", "ship"], terminal)
    for event in _events(b"one\ntw", b"o\x1b[2J\nlast"):
        view.hear(event)
    assert _printed(terminal) == (
        "[unit] ▸ Test\n"
        "[unit] one\n"
        "[unit] two\n"
        "[unit] last\n"
        "[unit] ✗ Test  1.2s  exit code 3\n"
        "[unit] ✗ failure in 1.5s\n"
        "\n"
        '✗ unit     1.5s  step "Test" ended with exit code 3\n'
        "↷ ship           needs unit\n"
        "\n"
        "✗ unit → Test: exit code 3; its last lines:\n"
        "    one\n"
        "    two\n"
        "    last\n"
        "\n"
        "✗ failure in 1m 02s: 1 failed, 1 skipped\n"
    )


def test_a_run_that_is_left_out_is_one_line() -> None:
    terminal = _terminal()
    skipped = JobResult(name="a", status=Status.SKIPPED, cause=Cause.FILTER, reason="no", seconds=0, steps=())
    event = RunFinished(status=Status.SKIPPED, reason="its filter\nsays no", seconds=0, jobs=(skipped,))
    PlainView(["a"], terminal).hear(event)
    assert _printed(terminal) == "↷ skipped: its filter says no\n"


def _values(events: Sequence[LocalEvent]) -> list[dict[str, object]]:
    out = io.StringIO()
    view = JsonView(out)
    for event in events:
        view.hear(event)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_json_has_one_documented_event_a_line() -> None:
    values = _values(_events(b"one\ntw", b"o\nlast"))
    log = {"event": "log", "job": "unit", "step": "Test"}
    assert values == [
        {"event": "job_started", "job": "unit", "attempt": 1},
        {**log, "text": "one\n"},
        {**log, "text": "two\n"},
        {**log, "text": "last"},
        {"event": "step_finished", "job": "unit", "step": "Test", "status": "failure", "cause": "exit",
         "exit_code": 3, "seconds": 1.25},
        {"event": "step_finished", "job": "unit", "step": "Tidy", "status": "skipped", "cause": None,
         "exit_code": None, "seconds": 0},
        {"event": "job_finished", "job": "unit", "status": "failure", "cause": "exit", "reason": REASON,
         "seconds": 1.5},
        {"event": "job_finished", "job": "ship", "status": "skipped", "cause": "needs", "reason": "needs unit",
         "seconds": 0},
        {"event": "finished", "status": "failure", "reason": "", "seconds": 62.0, "jobs": [
            {"name": "unit", "status": "failure", "cause": "exit", "reason": REASON, "seconds": 1.5, "steps": [
                {"name": "Test", "status": "failure", "exit_code": 3},
                {"name": "Tidy", "status": "skipped", "exit_code": None}]},
            {"name": "ship", "status": "skipped", "cause": "needs", "reason": "needs unit", "seconds": 0,
             "steps": []},
        ]},
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_json_texts_joined_are_the_output_however_it_came(size: int) -> None:
    data = "ä one\n\n日本 two\r\nthree".encode()
    values = _values(_events(*(data[at : at + size] for at in range(0, len(data), size))))
    assert "".join(str(value["text"]) for value in values if value["event"] == "log").encode() == data


def test_a_line_without_an_end_is_shown_in_pieces() -> None:
    lines = StepLines()
    assert sum(len(piece) for piece in lines.feed(b"x" * 200_000)) == 200_000
    assert lines.end() == []


@pytest.mark.parametrize(
    ("line", "shown"), [("10%\r50%\r100%\n", "100%"), ("text\r\n", "text"), ("a\r\r", "a"), ("\n", "")]
)
def test_a_progress_bar_is_shown_as_it_was_left(line: str, shown: str) -> None:
    assert as_shown(line) == shown


class Screen:
    """What a terminal of some width would show: enough of one to know what a block leaves behind."""

    def __init__(self, text: str) -> None:
        self.rows: list[str] = [""]
        self.at = 0
        *lines, rest = text.replace("\x1b[?2026h", "").replace("\x1b[?2026l", "").split("\x1b[K\n")
        for line in lines:
            self.rows[self.at] = self._moved(line)
            self._down()
        self._moved(rest)

    def _moved(self, part: str) -> str:
        """What is left to write after the cursor went where it was told."""
        while part.startswith("\x1b["):
            end = next(place for place, character in enumerate(part) if character in "AJ")
            if part[end] == "A":
                self.at -= int(part[2:end])
            else:
                del self.rows[self.at :]
                self.rows.append("")
            part = part[end + 1 :].lstrip("\r")
        return part

    def _down(self) -> None:
        self.at += 1
        if self.at == len(self.rows):
            self.rows.append("")

    @property
    def shown(self) -> list[str]:
        return [row for row in self.rows if row]


def test_below_the_lines_stands_how_every_job_fares() -> None:
    terminal = _terminal(moving=True)
    now = 100.0
    view = LiveView({"unit": (), "ship": ("unit",)}, terminal, lambda: now)
    events = _events(b"one\nhalf a li")
    for event in events[:3]:
        view.hear(event)
    now += 2.5
    view.refresh()
    assert Screen(_printed(terminal)).shown == [
        "unit │ ▸ Test",
        "unit │ one",
        "─" * 72,
        "⠴ unit     2.5s  Test  half a li",
        "○ ship           waits for unit",
    ]


def test_at_the_end_only_lines_are_left() -> None:
    terminal = _terminal(moving=True)
    view = LiveView({"unit": (), "ship": ("unit",)}, terminal, lambda: 100.0)
    for event in _events(b"one\n"):
        view.hear(event)
        view.refresh()
    view.close()
    shown = Screen(_printed(terminal)).shown
    assert shown[-1] == "✗ failure in 1m 02s: 1 failed, 1 skipped"
    assert not [row for row in shown if row.startswith("─") or "waits for" in row]


def test_nothing_is_drawn_while_nothing_changes() -> None:
    terminal = _terminal(moving=True)
    view = LiveView({"unit": ()}, terminal, lambda: 100.0)
    view.refresh()
    before = _printed(terminal)
    view.refresh()
    assert _printed(terminal) == before


def test_many_jobs_leave_room_for_their_output() -> None:
    terminal = _terminal(moving=True)
    view = LiveView({f"job{n}": () for n in range(200)}, terminal, lambda: 100.0)
    view.hear(JobStarted(job="job7", attempt=1))
    shown = Screen(_printed(terminal)).shown
    assert len(shown) < 30
    assert any("job7" in row for row in shown)
    assert shown[-1] == "… 199 more, 0 of 200 jobs are over"


def test_a_note_never_breaks_its_row() -> None:
    terminal = _terminal(moving=True)
    view = LiveView({"unit": ()}, terminal, lambda: 100.0)
    for event in (*_events()[:2], _output("日本".encode() * 200)):
        view.hear(event)
    assert all(len(row) < terminal.width for row in Screen(_printed(terminal)).shown)
