"""`flowforge link`."""

import sys

import click

from flowforge.cli.client import api, print_json
from flowforge.cli.foreign_text import one_line
from flowforge.cli.options import json_option, server_options


@click.command(short_help="Print a new one-time link that signs a browser in.")
@click.option("--to", "target", default="/ui", show_default=True, metavar="PATH", help="The page to open.")
@json_option
@server_options
def link(*, target: str, as_json: bool) -> None:
    """Print a new link that signs a browser in, once, within half an hour."""
    with api() as server:
        value = server.post("/api/v1/links", {"target": target})
    if as_json:
        print_json(value)
        return
    print(one_line(str(value.get("url"))))
    if sys.stdout.isatty():
        print("It works once; open it on a machine that reaches the server.", file=sys.stderr)
