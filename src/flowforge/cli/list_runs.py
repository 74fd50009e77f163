"""`flowforge list`: the newest runs, or the jobs of one."""

import os
import sys
from datetime import UTC, datetime
from typing import Any

import click

from flowforge.cli.client import api, print_json
from flowforge.cli.durations import age, duration
from flowforge.cli.foreign_text import one_line
from flowforge.cli.options import json_option, server_options
from flowforge.cli.run_reference import RunReference
from flowforge.cli.table import Column, print_table
from flowforge.cli.terminal import Terminal
from flowforge.model.status import Status

LONGEST_TITLE = 60

COLUMNS = (
    Column(name="RUN", right=True),
    Column(name="STATUS"),
    Column(name="PROJECT", elastic=True),
    Column(name="NUMBER", right=True),
    Column(name="BRANCH", elastic=True),
    Column(name="TITLE", elastic=True),
    Column(name="AGE", right=True),
    Column(name="TIME", right=True),
)


JOB_COLUMNS = (
    Column(name="STATUS"),
    Column(name="JOB", elastic=True),
    Column(name="TIME", right=True),
    Column(name="WHY", elastic=True),
)


@click.command("list", short_help="List the newest runs, or the jobs of one.")
@click.argument("run", type=RunReference(), required=False)
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many.")
@click.option("--branch", help="Only of this branch.")
@click.option("--status", type=click.Choice([status.value for status in Status]), help="Only in this state.")
@click.option("--project", help="Only of this repository, as owner/name.")
@json_option
@server_options
def list_runs(
    *,
    run: int | None,
    limit: int,
    branch: str | None,
    status: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """List the newest runs, newest first; with RUN, its jobs, and of each that waits or was skipped the reason. Without a
    terminal the columns are separated by tabs."""
    if run is not None:
        _list_jobs(run, as_json=as_json)
        return
    asked = {"branch": branch, "status": status, "project": project}
    query = {"limit": str(limit), **{name: value for name, value in asked.items() if value}}
    with api() as server:
        page = server.get("/api/v1/runs", query)
    if as_json:
        print_json(page)
        return
    terminal = Terminal.of(sys.stdout, os.environ)
    runs = page.get("items") if isinstance(page, dict) else None
    if not runs:
        print("no runs yet" if len(query) == 1 else "no run is like that", file=sys.stderr)
        return
    now = datetime.now(UTC)
    print_table(COLUMNS, [_row(run, terminal, now) for run in runs], terminal)


def _list_jobs(run: int, *, as_json: bool) -> None:
    with api() as server:
        value = server.get(f"/api/v1/runs/{run}")
    if as_json:
        print_json(value)
        return
    terminal = Terminal.of(sys.stdout, os.environ)
    jobs = value.get("jobs") or ()
    if value.get("reason"):
        print(f"run {run} is {status_of(value)}: {_text(value['reason'])}", file=sys.stderr)
    elif not jobs:
        print(f"run {run} has no jobs yet", file=sys.stderr)
    if jobs:
        print_table(JOB_COLUMNS, [_job_row(job, terminal) for job in jobs], terminal)


def _job_row(job: dict[str, Any], terminal: Terminal) -> tuple[str, ...]:
    seconds = job.get("duration_seconds")
    return (
        status_text(job, terminal),
        _text(job.get("name")),
        duration(seconds) if isinstance(seconds, int | float) else "",
        _text(job.get("reason")),
    )


def status_text(entry: dict[str, Any], terminal: Terminal) -> str:
    """Icon and word; a failure that is allowed has its own."""
    return terminal.allowed_failure() if entry.get("allowed_failure") else terminal.status(status_of(entry))


def _row(run: dict[str, Any], terminal: Terminal, now: datetime) -> tuple[str, ...]:
    seconds = run.get("duration_seconds")
    return (
        _text(run.get("id")),
        terminal.status(status_of(run)),
        _text(run.get("repository")),
        f"#{_text(run.get('number'))}",
        _text(run.get("branch")),
        _text(run.get("title"))[:LONGEST_TITLE],
        age(_text(run.get("created_at")), now),
        duration(seconds) if isinstance(seconds, int | float) else "",
    )


def status_of(entry: dict[str, Any]) -> Status:
    """Of a run or a job; a word of a newer server is `unknown` to us."""
    try:
        return Status(str(entry.get("status")))
    except ValueError:
        return Status.UNKNOWN


def _text(value: object) -> str:
    return "" if value is None else one_line(str(value))
