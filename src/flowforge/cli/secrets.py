"""`flowforge secrets`."""

import os
import sys
from typing import Any

import click

from flowforge.cli.client import api, print_json
from flowforge.cli.exit_codes import CommandFailed, ExitCode
from flowforge.cli.foreign_text import one_line
from flowforge.cli.options import json_option, server_options
from flowforge.cli.secret_options import Place, place_options
from flowforge.cli.table import Column, print_table
from flowforge.cli.terminal import Terminal

LONGEST_VALUE = 64 * 1024
PAGE = "100"

COLUMNS = (
    Column(name="NAME"),
    Column(name="FOR", elastic=True),
    Column(name="ENVIRONMENT"),
    Column(name="BRANCH", elastic=True),
    Column(name="GROUP"),
    Column(name="KIND"),
    Column(name="VERSION", right=True),
    Column(name="CHANGED"),
    Column(name="BY"),
)


@click.group(short_help="Set, list and remove secrets.", no_args_is_help=False, invoke_without_command=True)
@server_options
def secrets() -> None:
    """Set, list and remove secrets. A value goes in and never comes out again, but into jobs."""
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@secrets.command("list", short_help="List secrets: names, never values.")
@click.option("--project", metavar="OWNER/NAME", help="Only of this repository.")
@json_option
@server_options
def list_secrets(*, project: str | None, as_json: bool) -> None:
    """List the names of secrets and where they count."""
    found = _all(project)
    if as_json:
        print_json(found)
        return
    if not found:
        print("no secrets yet", file=sys.stderr)
        return
    print_table(COLUMNS, [_row(secret) for secret in found], Terminal.of(sys.stdout, os.environ))


@secrets.command("set", short_help="Set a secret; its value comes from standard input.")
@click.argument("name")
@place_options
@click.option("--from-env", metavar="VARIABLE", help="Take the value from this variable.")
@json_option
@server_options
def set_secret(*, name: str, place: Place, from_env: str | None, as_json: bool) -> None:
    """Set a secret. On a terminal its value is asked for and not shown; otherwise standard input is the value, without
    the line break at its end."""
    value = _given(from_env)
    with api() as server:
        secret = server.put("/api/v1/secrets", {"name": name, "value": value, **place.body()})
    if as_json:
        print_json(secret)
    else:
        print(one_line(f"{secret.get('name')} is set, version {secret.get('version')}"))
    if secret.get("masked") is False and secret.get("kind") == "job":
        print("it is shorter than 6 characters: logs will show it unmasked", file=sys.stderr)


@secrets.command(short_help="Remove a secret.")
@click.argument("name")
@place_options
@server_options
def remove(*, name: str, place: Place) -> None:
    """Remove the secret that was set with the same options."""
    found = [secret for secret in _all(place.project) if place.is_of(secret, name)]
    if not found:
        raise CommandFailed(f"there is no secret {name} in this place", ExitCode.NOT_FOUND)
    with api() as server:
        server.delete(f"/api/v1/secrets/{found[0]['id']}")
    print(one_line(f"{name} is removed"))


@secrets.command("rotate-key", short_help="Make a new master key.")
@json_option
@server_options
def rotate_key(*, as_json: bool) -> None:
    """Make a new master key and seal every secret anew, while the server goes on working."""
    with api() as server:
        rotation = server.post("/api/v1/secrets/rotate-key")
    if as_json:
        print_json(rotation)
    else:
        count = rotation.get("resealed")
        print(
            f"master key {rotation.get('version')} seals {count} {'secret' if count == 1 else 'secrets'} anew"
        )


def _all(project: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = {"limit": PAGE, **({"project": project} if project else {})}
    with api() as server:
        while True:
            page = server.get("/api/v1/secrets", query)
            found += page.get("items", [])
            if not page.get("next"):
                return found
            query["cursor"] = str(page["next"])


def _given(variable: str | None) -> str:
    if variable is not None:
        if variable not in os.environ:
            raise CommandFailed(f"the variable {variable} is not set", ExitCode.USAGE)
        return os.environ[variable]
    if sys.stdin.isatty():
        return str(click.prompt("Value", hide_input=True, err=True))
    raw = sys.stdin.buffer.read(LONGEST_VALUE + 2)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise CommandFailed("the value is not text in UTF-8: encode what is binary") from None
    return text.removesuffix("\n")


def _row(secret: dict[str, Any]) -> tuple[str, ...]:
    def text(field: str, otherwise: str) -> str:
        return one_line(str(secret.get(field) or otherwise))

    return (
        text("name", ""),
        text("project", "all projects"),
        text("environment", "any"),
        text("branch", "any"),
        text("group", "-"),
        text("kind", ""),
        text("version", ""),
        text("updated_at", "")[:10],
        text("updated_by", "-"),
    )
