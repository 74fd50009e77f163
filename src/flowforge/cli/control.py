"""`flowforge cancel` and `flowforge rerun`."""

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
@json_option
@server_options
def rerun(*, run: int, as_json: bool) -> None:
    """Run a finished run again, as a new run of the same commit."""
    with api() as server:
        value = server.post(f"/api/v1/runs/{run}/rerun")
    if as_json:
        print_json(value)
    else:
        print(one_line(f"run {value.get('id')} does run {run} again: {value.get('url')}"))
