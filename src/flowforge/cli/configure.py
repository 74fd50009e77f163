"""`flowforge configure`: what a server is made of. So far, its runners."""

import os
import sys

import click

from flowforge.cli.client import api, print_json
from flowforge.cli.foreign_text import one_line
from flowforge.cli.options import json_option, server_options
from flowforge.cli.table import Column, print_table
from flowforge.cli.terminal import Terminal

COLUMNS = (
    Column(name="ID", right=True),
    Column(name="NAME", elastic=True),
    Column(name="HOST", elastic=True),
    Column(name="STATUS"),
    Column(name="LABELS", elastic=True),
)
_STYLES = {"online": "green", "offline": "red"}


@click.group(short_help="Add and list runners.", no_args_is_help=False, invoke_without_command=True)
@server_options
def configure() -> None:
    """Add and list the machines that execute jobs."""
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@configure.command("add-runner")
@click.argument("host")
@click.option("--labels", default="", metavar="A,B", help="What its jobs may ask for, separated by commas.")
@json_option
@server_options
def add_runner(*, host: str, labels: str, as_json: bool) -> None:
    """Register a machine by its name or address. The same host again gets the new labels."""
    words = [label.strip() for label in labels.split(",") if label.strip()]
    with api() as server:
        runner = server.post("/api/v1/runners", {"host": host, "labels": words})
    if as_json:
        print_json(runner)
    else:
        print(one_line(f"runner {runner.get('id')} is registered: {runner.get('host')}"))


@configure.command("list-runners")
@json_option
@server_options
def list_runners(*, as_json: bool) -> None:
    """List the runners and how they are."""
    with api() as server:
        page = server.get("/api/v1/runners")
    if as_json:
        print_json(page)
        return
    terminal = Terminal.of(sys.stdout, os.environ)
    rows = []
    for runner in page.get("items", []):
        status = one_line(str(runner.get("status", "")))
        labels = ", ".join(str(label) for label in runner.get("labels") or ())
        rows.append(
            (
                one_line(str(runner.get("id", ""))),
                one_line(str(runner.get("name", ""))),
                one_line(str(runner.get("host", ""))),
                terminal.paint(status, _STYLES.get(status, "dim")),
                one_line(labels),
            )
        )
    print_table(COLUMNS, rows, terminal)
