"""`flowforge trigger`."""

import click

from flowforge.cli.client import api, print_json
from flowforge.cli.foreign_text import one_line
from flowforge.cli.options import json_option, server_options


class Input(click.ParamType[tuple[str, str]]):
    name = "K=V"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        key, equals, text = str(value).partition("=")
        if not key or not equals:
            self.fail("write it as NAME=VALUE", param, ctx)
        return key, text


@click.command(short_help="Start a run by hand.")
@click.argument("project")
@click.option("--branch", help="Run this branch's newest commit instead of the default branch's.")
@click.option("--tag", help="Run a tag.")
@click.option("--commit", help="Run this commit, given by its full id.")
@click.option("--pipeline", help="The config file, where the project has several.")
@click.option(
    "--input", "inputs", multiple=True, type=Input(), help="Give the pipeline an input; repeatable."
)
@json_option
@server_options
def trigger(*, project: str, as_json: bool, inputs: tuple[tuple[str, str], ...], **where: str | None) -> None:
    """Start a run of a PROJECT (owner/name) that nobody pushed."""
    named = {name: value for name, value in where.items() if value}
    with api() as server:
        value = server.post("/api/v1/runs", {"project": project, "inputs": dict(inputs), **named})
    if as_json:
        print_json(value)
    else:
        print(one_line(f"run {value.get('id')} is queued: {value.get('url')}"))
