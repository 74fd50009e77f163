"""A run as people name it: its id, or the address of its page."""

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import click

from flowforge.cli.options import DEFAULT_SERVER, ServerChoice, checked_url, server_choice, shown
from flowforge.local_token import is_loopback

_PAGE = re.compile(r"/(?:ui/pipelines|pipelines|api/v1/runs)/([0-9]{1,18})(?:/.*)?")
_PORTS = {"http": 80, "https": 443}
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
        try:
            parts = urlsplit(value)
        except ValueError:
            self.fail("that is not the address of a run's page", param, ctx)
        match = _PAGE.search(parts.path)
        if match is None:
            self.fail(f"{shown(value)!r} is not the address of a run's page", param, ctx)
        base = parts.path[: match.start()].rstrip("/")
        # Whoever signs in by an address says so with --server-url; a page's address is only compared.
        _choose(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{base}", ctx)
        return int(match[1])


def _choose(server: str, ctx: click.Context | None) -> None:
    """A run's number means another run on another server. A token goes to a server that somebody chose, never to
    whatever host an address names; only one on this machine may be chosen by it."""
    chosen = server_choice()
    option = ctx.params.get("server_url") if ctx else None
    given = option if isinstance(option, str) else ""
    url = given or chosen.url
    if _place(url) == _place(server):
        return
    if given or url != DEFAULT_SERVER or not is_loopback(server):
        raise click.UsageError(
            f"that run is on another server than {shown(url)}: name it with --server-url {server}", ctx
        )
    _set(replace(chosen, url=checked_url(server)))


def _place(url: str) -> tuple[str, str, int | None, str]:
    """What makes two addresses the same server's: the names of this machine are alike."""
    parts = urlsplit(checked_url(url))
    host = "localhost" if is_loopback(url) else (parts.hostname or "").rstrip(".")
    return parts.scheme, host, parts.port or _PORTS.get(parts.scheme), parts.path.rstrip("/")


def _set(choice: ServerChoice) -> None:
    click.get_current_context().obj = choice
