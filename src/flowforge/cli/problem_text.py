"""Problems of a file as a person reads them: place, message, the line with a caret below, what to write instead."""

import unicodedata
from collections.abc import Iterator, Sequence

from flowforge.cli.foreign_text import one_line
from flowforge.cli.terminal import Terminal
from flowforge.model.problem import Problem, Severity

LONGEST_LINE = 96
"""Of a source line is shown what stands around the caret."""

_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def problem_lines(problem: Problem, source: Sequence[str], terminal: Terminal) -> Iterator[str]:
    mark = problem.mark
    paint = terminal.paint
    style = _STYLES[problem.severity]
    place = paint(one_line(str(mark)) + ":", "bold")
    yield f"{place} {paint(f'{problem.severity}:', 'bold', style)} {one_line(problem.message)}"
    if mark.line <= len(source):
        number = str(mark.line)
        shown, column = _window(source[mark.line - 1], mark.column - 1)
        edge = "│" if terminal.unicode else "|"
        yield f"  {paint(f'{number} {edge}', 'dim')} {shown}"
        yield f"  {' ' * len(number)} {paint(edge, 'dim')} {' ' * _width(shown[:column])}{paint('^', 'bold', style)}"
    if problem.hint:
        yield f"    {paint('hint:', 'cyan')} {one_line(problem.hint)}"


def _window(line: str, column: int) -> tuple[str, int]:
    """Every character as one that moves the caret by its own width, so that the columns stay right."""
    shown = "".join(c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line)
    column = min(column, len(shown))
    if len(shown) <= LONGEST_LINE:
        return shown, column
    start = max(0, min(column - LONGEST_LINE // 2, len(shown) - LONGEST_LINE))
    head, tail = "…" if start else "", "…" if start + LONGEST_LINE < len(shown) else ""
    return head + shown[start : start + LONGEST_LINE] + tail, column - start + len(head)


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
