"""Rows of cells: aligned columns on a terminal, tab-separated lines for programs."""

from collections.abc import Sequence
from dataclasses import dataclass

from flowforge.cli.terminal import Colour, Terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`elastic` columns give way when the window is narrow."""

    name: str
    right: bool = False
    elastic: bool = False


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]], terminal: Terminal) -> None:
    """Cells are harmless text of one line; they may be painted."""
    if not terminal.moving:
        terminal.write("".join("\t".join(row) + "\n" for row in rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=None if column.elastic else len(column.name),
            ratio=None,
        )
    for row in rows:
        table.add_row(*(Text.from_ansi(cell) for cell in row))
    console = Console(
        file=terminal.out,
        width=terminal.width,
        force_terminal=True,
        no_color=terminal.colour is Colour.HIDDEN,
        highlight=False,
    )
    console.print(table)
