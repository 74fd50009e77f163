"""A run as people name it: its id, or the address of its page."""

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import click

from flowforge.cli.exit_codes import CommandFailed
from flowforge.cli.options import DEFAULT_SERVER, ServerChoice, server_choice
from flowforge.local_token import is_loopback

_PAGE = re.compile(r"/(?:ui/pipelines|pipelines|api/v1/runs)/([0-9]{1,18})(?:/.*)?")
_ID = re.compile(r"#?([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class RunReference(click.ParamType[int]):
    """Converts to the run's id. A pasted address also chooses the server where that is harmless."""

    name: str = "run"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if match := _ID.fullmatch(value):
            return int(match[1])
        if not value.startswith(("http://", "https://")):
            self.fail(f"{value!r} is neither a run's id nor the address of its page", param, ctx)
        parts = urlsplit(value)
        match = _PAGE.search(parts.path)
        if match is None:
            self.fail(f"{value!r} is not the address of a run's page", param, ctx)
        base = parts.path[: match.start()].rstrip("/")
        _choose(f"{parts.scheme}://{parts.netloc}{base}")
        return int(match[1])


def _choose(server: str) -> None:
    """A token goes to a server that somebody chose, never to whatever host an address names."""
    chosen = server_choice()
    if chosen.url != DEFAULT_SERVER or server == chosen.url:
        return
    if not is_loopback(server):
        raise CommandFailed(f"that run is on another server: add --server-url {server}")
    _set(replace(chosen, url=server))


def _set(choice: ServerChoice) -> None:
    click.get_current_context().obj = choice
