"""`flowforge lint`."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from flowforge.cli.client import print_json
from flowforge.cli.exit_codes import CommandFailed, ExitCode
from flowforge.cli.foreign_text import one_line
from flowforge.cli.options import json_option
from flowforge.cli.problem_text import problem_lines
from flowforge.cli.terminal import Terminal
from flowforge.dialects.registry import DIALECTS
from flowforge.services.local_config import Checked, check, config_at

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@click.command(short_help="Show every problem of pipeline files.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|DIR…")
@click.option(
    "--dialect", type=click.Choice([dialect.name for dialect in DIALECTS]), help="Read them as this."
)
@json_option
def lint(*, files: tuple[Path, ...], dialect: str | None, as_json: bool) -> None:
    """Show every problem of pipeline files, each with its place and what to write instead.

    Of a folder, the config in it is read. Exits with 1 where there is an error; warnings alone are fine.
    """
    checked = [check(config_at(path), dialect) for path in files]
    if as_json:
        print_json({"files": [file_value(each) for each in checked]})
    else:
        terminal = Terminal.of(sys.stdout, os.environ)
        terminal.write("".join(f"{line}\n" for line in file_lines(checked, terminal)))
    if any(each.parsed.errors for each in checked):
        raise CommandFailed(code=ExitCode.ERROR)


def file_value(checked: Checked) -> dict[str, object]:
    problems = [
        {
            "code": problem.code,
            "severity": problem.severity.value,
            "message": problem.message,
            "line": problem.mark.line,
            "column": problem.mark.column,
            "hint": problem.hint or None,
        }
        for problem in checked.parsed.problems
    ]
    return {"path": checked.file.path, "dialect": checked.dialect, "problems": problems}


def file_lines(files: Sequence[Checked], terminal: Terminal) -> list[str]:
    lines: list[str] = []
    for checked in files:
        source = _LINE_BREAK.split(checked.file.text)
        for problem in checked.parsed.problems:
            lines.extend(problem_lines(problem, source, terminal))
        if not checked.parsed.problems:
            jobs = len(checked.parsed.pipeline.jobs) if checked.parsed.pipeline else 0
            lines.append(f"{one_line(checked.file.path)}: no problems, {jobs} job{'s' if jobs != 1 else ''}")
    errors = sum(len(checked.parsed.errors) for checked in files)
    warnings = sum(len(checked.parsed.problems) for checked in files) - errors
    if errors or warnings:
        lines.append(terminal.paint(_total(errors, warnings), "bold", "red" if errors else "yellow"))
    return lines


def _total(errors: int, warnings: int) -> str:
    counts = ((errors, "error"), (warnings, "warning"))
    return ", ".join(f"{count} {word}{'s' if count != 1 else ''}" for count, word in counts if count)
