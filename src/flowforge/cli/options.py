"""Options that many commands share, and what they come to."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_SERVER = "http://localhost:5000"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerChoice:
    """Which server, and the token that was given by hand; empty where none was."""

    url: str
    token: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "ServerChoice":
        names = ("FLOWFORGE_SERVER_URL", "popsicle_SERVER_URL")
        url = next((value for name in names if (value := environ.get(name, "").strip())), DEFAULT_SERVER)
        return cls(url=_checked(url), token=environ.get("FLOWFORGE_TOKEN", "").strip())


def server_options(command: Callable[P, R]) -> Callable[P, R]:
    """`--server-url` and `--token`, before the command's name or behind it; see `server_choice`."""

    @click.option(
        "--server-url",
        metavar="URL",
        help=f"The server to talk to (FLOWFORGE_SERVER_URL; {DEFAULT_SERVER}).",
    )
    @click.option("--token", metavar="TOKEN", help="What to sign in with (FLOWFORGE_TOKEN).")
    @wraps(command)
    def with_choice(*args: P.args, **kwargs: P.kwargs) -> R:
        url, token = kwargs.pop("server_url"), kwargs.pop("token")
        chosen = server_choice()
        if url:
            chosen = replace(chosen, url=_checked(str(url)))
        if token:
            chosen = replace(chosen, token=str(token))
        click.get_current_context().obj = chosen
        return command(*args, **kwargs)

    return with_choice


def server_choice() -> ServerChoice:
    """What the options of this command line and the environment say so far."""
    obj = click.get_current_context().find_object(ServerChoice)
    return obj or ServerChoice.of(os.environ)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value instead of text.")


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")) or not url.isprintable() or " " in url:
        raise click.UsageError(f"the server's URL {url!r} must begin with http:// or https://")
    return url.rstrip("/")
