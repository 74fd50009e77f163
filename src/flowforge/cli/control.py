"""`flowforge cancel`, `flowforge rerun` and `flowforge approve`."""

from urllib.parse import quote

import click

from flowforge.cli.client import api, print_json
from flowforge.cli.foreign_text import one_line
from flowforge.cli.options import json_option, server_options
from flowforge.cli.run_reference import RunReference


@click.command(short_help="Stop a run.")
@click.argument("run", type=RunReference())
@json_option
@server_options
def cancel(*, run: int, as_json: bool) -> None:
    """Stop a run: what has not begun is cancelled at once, what runs is told to end."""
    with api() as server:
        value = server.post(f"/api/v1/runs/{run}/cancel")
    if as_json:
        print_json(value)
    else:
        print(f"run {run} is {'cancelled' if value.get('status') == 'cancelled' else 'stopping'}")


@click.command(short_help="Run a finished run again.")
@click.argument("run", type=RunReference())
@click.option("--failed", is_flag=True, help="Only what failed, and what was skipped for it.")
@click.option("--job", metavar="JOB", help="Only this job, by its key.")
@json_option
@server_options
def rerun(*, run: int, failed: bool, job: str | None, as_json: bool) -> None:
    """Run a finished run again, as a new run of the same commit. With --failed or --job the rest is kept as it was, with
    its logs."""
    if failed and job:
        raise click.UsageError("--failed and --job cannot both be asked for")
    asked = {"failed": True} if failed else {"job": job} if job else {}
    with api() as server:
        value = server.post(f"/api/v1/runs/{run}/rerun", asked)
    if as_json:
        print_json(value)
    else:
        print(one_line(f"run {value.get('id')} does run {run} again: {value.get('url')}"))


@click.command(short_help="Let a run, or an approval job of it, go on.")
@click.argument("run", type=RunReference())
@click.argument("job", required=False)
@click.option("--commit", metavar="SHA", help="Only if the run is of this commit.")
@json_option
@server_options
def approve(*, run: int, job: str | None, commit: str | None, as_json: bool) -> None:
    """Let a run of somebody else's code go on with exactly its commit and config; with JOB, open that approval job."""
    if job and commit:
        raise click.UsageError("--commit goes with a run, not with a job of it")
    path = f"/api/v1/runs/{run}/jobs/{quote(job, safe='')}/approve" if job else f"/api/v1/runs/{run}/approve"
    with api() as server:
        value = server.post(path, {"commit": commit} if commit else {})
    if as_json:
        print_json(value)
        return
    print(one_line(f"{f'job {job} of run' if job else 'run'} {run} is approved: {value.get('url')}"))
