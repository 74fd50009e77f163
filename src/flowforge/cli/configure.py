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
@click.option(
    "--project", "projects", multiple=True, metavar="P", help="Serve this project only; may be repeated."
)
@click.option(
    "--slots", type=click.IntRange(0, 1000), default=0, metavar="N", help="At most so many jobs at a time."
)
@click.option("--trusted-only", is_flag=True, help="Never run somebody else's code, as of a fork.")
@json_option
@server_options
def add_runner(
    *, host: str, labels: str, projects: tuple[str, ...], slots: int, trusted_only: bool, as_json: bool
) -> None:
    """Register a machine by its name or address, and print what makes it a runner: a token, good once and for an hour. The
    same host again gets the new terms."""
    words = [label.strip() for label in labels.split(",") if label.strip()]
    bounds = {"projects": list(projects), "slots": slots, "trusted_only": trusted_only}
    said = {name: value for name, value in bounds.items() if value}
    with api() as server:
        runner = server.post("/api/v1/runners", {"host": host, "labels": words, **said})
        url = server.url
    if as_json:
        print_json(runner)
        return
    print(one_line(f"runner {runner.get('id')} is registered: {runner.get('host')}"))
    if token := runner.get("token"):
        print("On that machine, within an hour, type this and then the token (no command line shows it):")
        print(one_line(f"flowforge runner --server-url {url} --token -"))
        print(one_line(f"token: {token}"))


@configure.command("drain-runner")
@click.argument("runner_id", metavar="ID", type=click.IntRange(1))
@click.option("--resume", is_flag=True, help="Take jobs again.")
@json_option
@server_options
def drain_runner(*, runner_id: int, resume: bool, as_json: bool) -> None:
    """Give a runner no more jobs; those that it holds go on."""
    with api() as server:
        runner = server.patch(f"/api/v1/runners/{runner_id}", {"draining": not resume})
    if as_json:
        print_json(runner)
    else:
        state = "drains" if runner.get("draining") else "takes jobs"
        print(one_line(f"runner {runner.get('id')} {state}: {runner.get('name')}"))


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
        status = "draining" if runner.get("draining") else one_line(str(runner.get("status", "")))
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
