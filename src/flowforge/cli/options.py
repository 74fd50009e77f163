"""Options that many commands share, and what they come to."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import SplitResult, urlsplit

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
        return cls(url=checked_url(url), token=environ.get("FLOWFORGE_TOKEN", "").strip())


def server_options(command: Callable[P, R]) -> Callable[P, R]:
    """`--server-url` and `--token`, before the command's name or behind it; see `server_choice`."""

    @click.option(
        "--server-url",
        metavar="URL",
        is_eager=True,
        help=f"The server to talk to (FLOWFORGE_SERVER_URL; {DEFAULT_SERVER}).",
    )
    @click.option("--token", metavar="TOKEN", help="What to sign in with (FLOWFORGE_TOKEN).")
    @wraps(command)
    def with_choice(*args: P.args, **kwargs: P.kwargs) -> R:
        url, token = kwargs.pop("server_url"), kwargs.pop("token")
        chosen = server_choice()
        if url:
            chosen = replace(chosen, url=checked_url(str(url)))
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


def checked_url(url: str) -> str:
    """Raises UsageError for what cannot be a server's address."""
    if not url.startswith(("http://", "https://")) or not url.isprintable() or " " in url:
        raise click.UsageError(f"the server's URL {shown(url)!r} must begin with http:// or https://")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise click.UsageError(f"the server's URL {shown(url)!r} names no host") from None
    if not parts.hostname:
        raise click.UsageError(f"the server's URL {shown(url)!r} names no host")
    if not _has_port(parts):
        raise click.UsageError(f"the server's URL {shown(url)!r} has a port that cannot be: 1 to 65535")
    return url.rstrip("/")


def _has_port(parts: SplitResult) -> bool:
    """One that is possible, or the scheme's."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def shown(url: str) -> str:
    """Without the name and password that may stand in it."""
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    return f"{scheme}{separator}***@{rest.rpartition('@')[2]}" if "@" in rest else url
