"""`flowforge logs`."""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import click

from flowforge.cli.client import ANSWER_SECONDS, Api, Unreachable, api, print_json
from flowforge.cli.exit_codes import CommandFailed, ExitCode
from flowforge.cli.foreign_text import ForeignStream, one_line
from flowforge.cli.list_runs import status_of, status_text
from flowforge.cli.options import json_option, server_options
from flowforge.cli.run_reference import RunReference
from flowforge.cli.terminal import Terminal

LOOK_AGAIN = 0.2
"""Seconds until a stream that ended before its job did is taken up again."""
AWAY_SECONDS = 60.0
"""How long a server may be away while its log is followed."""
PLANNED_SECONDS = 60.0
"""How long the jobs of a run are waited for whose log is followed."""
LARGEST_JSON = 64 * 1024 * 1024

Write = Callable[[bytes], None]


@click.command(short_help="Show the logs of a run.")
@click.argument("run", type=RunReference())
@click.argument("job", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the jobs are over.")
@json_option
@server_options
def logs(*, run: int, job: str | None, follow: bool, as_json: bool) -> None:
    """Show the log of one job, or of all jobs of a run one after the other.

    RUN is a run's id or the address of its page. Headings go to standard error, so standard output holds the jobs' own
    bytes; on a terminal, without what a terminal would obey.
    """
    if follow and as_json:
        raise click.UsageError("--follow prints a log as it grows and --json one value: choose one of them")
    with api() as server:
        value = _planned(server, run) if follow else _run(server, run)
        jobs = _jobs(value, run, job)
        if as_json:
            print_json({"run": run, "jobs": [_with_log(server, run, entry) for entry in jobs]})
            return
        terminal = Terminal.of(sys.stderr, os.environ)
        for entry in jobs:
            if job is None:
                why = f"  {one_line(str(entry['reason']))}" if entry.get("reason") else ""
                terminal.write(
                    f"{terminal.paint(_name(entry), 'bold')}  {status_text(entry, terminal)}{why}\n"
                )
            write, end = _writer()
            copy_log(server, run, entry, write, follow=follow)
            end()


def _planned(server: Api, run: int) -> Mapping[str, Any]:
    """Whoever follows a run from its push is there before its jobs are known."""
    deadline = time.monotonic() + PLANNED_SECONDS
    value = _run(server, run)
    while not value.get("jobs") and value.get("status") == "pending" and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN)
        value = _run(server, run)
    return value


def _run(server: Api, run: int) -> Mapping[str, Any]:
    value: Mapping[str, Any] = server.get(f"/api/v1/runs/{run}")
    return value


def _jobs(value: Mapping[str, Any], run: int, job: str | None) -> Sequence[dict[str, Any]]:
    jobs = [entry for entry in value.get("jobs") or () if isinstance(entry, dict)]
    if job is not None:
        jobs = [entry for entry in jobs if job in (str(entry.get("id")), entry.get("key"), entry.get("name"))]
        if not jobs:
            raise CommandFailed(f"run {run} has no job {job}", ExitCode.NOT_FOUND)
    elif not jobs and value.get("reason"):
        print(f"run {run} has no jobs: {one_line(str(value['reason']))}", file=sys.stderr)
    return jobs


def copy_log(server: Api, run: int, job: dict[str, Any], write: Write, *, follow: bool) -> None:
    """All that is there, or with `follow` all there will be until the job is over."""
    path = f"/api/v1/runs/{run}/jobs/{quote(str(job.get('id')), safe='')}/log"
    if not follow:
        _copy(server, path, write, ANSWER_SECONDS)
        return
    counter = _Counter(write)
    heard = time.monotonic()
    while True:
        before = counter.total
        try:
            over = status_of(_now(server, run, job)).terminal
            _copy(server, f"{path}?follow=true&offset={before}", counter.write, None)
            heard = time.monotonic()
        except Unreachable:
            # A server that stops ends its streams; its jobs go on, and so does this once it is back.
            if counter.total == before and time.monotonic() - heard > AWAY_SECONDS:
                raise
        else:
            if over and counter.total == before:
                return
        time.sleep(LOOK_AGAIN)


@dataclass(slots=True)
class _Counter:
    """Counts what was written, also by a stream that broke off."""

    onward: Write
    total: int = 0

    def write(self, data: bytes) -> None:
        self.onward(data)
        self.total += len(data)


def _copy(server: Api, path: str, write: Write, pause: float | None) -> None:
    with server.stream(path, {"Accept-Encoding": "identity"}, pause=pause) as answer:
        for chunk in answer.iter_raw():
            write(chunk)


def _now(server: Api, run: int, job: dict[str, Any]) -> dict[str, Any]:
    jobs = server.get(f"/api/v1/runs/{run}").get("jobs") or ()
    return next((entry for entry in jobs if entry.get("id") == job.get("id")), job)


def _writer() -> tuple[Write, Callable[[], None]]:
    """Bytes as they are for a file or a program, harmless text for a terminal; and what to do at the end."""
    terminal = Terminal.of(sys.stdout, os.environ)
    if not sys.stdout.isatty():
        out = sys.stdout.buffer

        def write_bytes(data: bytes) -> None:
            out.write(data)
            out.flush()

        return write_bytes, out.flush
    text = ForeignStream(terminal.colour)
    return lambda data: terminal.write(text.feed(data)), lambda: terminal.write(text.end())


def _with_log(server: Api, run: int, job: dict[str, Any]) -> dict[str, Any]:
    log = bytearray()

    def keep(data: bytes) -> None:
        log.extend(data)
        if len(log) > LARGEST_JSON:
            raise CommandFailed(f"the log of {_name(job)} is too large for --json: leave it out")

    copy_log(server, run, job, keep, follow=False)
    return {**job, "log": log.decode("utf-8", errors="replace")}


def _name(job: dict[str, Any]) -> str:
    return one_line(str(job.get("name")))
