"""`flowforge runner`: carry out a server's jobs on this machine."""

import os
import sys
from pathlib import Path

import click

from flowforge.cli.exit_codes import CommandFailed, ExitCode
from flowforge.cli.foreign_text import one_line
from flowforge.cli.options import ServerChoice, checked_url
from flowforge.cli.start import settings_of

LONGEST_TOKEN = 1000

url_option = click.option(
    "--server-url", metavar="URL", help="The server (FLOWFORGE_SERVER_URL); asked once, then kept."
)
token_option = click.option(
    "--token",
    metavar="TOKEN",
    help="The one-time registration token; better FLOWFORGE_RUNNER_TOKEN, or - to read it from standard input.",
)
slots_option = click.option(
    "--slots",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Jobs at the same time (FLOWFORGE_RUNNER_SLOTS).",
)
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings in TOML (FLOWFORGE_CONFIG, else ./flowforge.toml).",
)


@click.group(
    short_help="Carry out a server's jobs on this machine.",
    no_args_is_help=False,
    invoke_without_command=True,
)
@url_option
@token_option
@slots_option
@config_option
@click.pass_context
def runner(
    ctx: click.Context, server_url: str | None, token: str | None, slots: int | None, config: Path | None
) -> None:
    """Carry out a server's jobs on this machine until told to stop.

    The first start registers with a token of `flowforge configure add-runner`. SIGTERM or Ctrl-C drains: running jobs end,
    no others are taken; a second one leaves them to the next start.
    """
    if ctx.invoked_subcommand is not None:
        return
    settings = settings_of(config)
    import flowforge.cli.light_structlog  # noqa: F401  before all who import structlog
    from flowforge.wiring_runner import Wish, work

    wish = Wish(url=_url(ctx, server_url), token=_token(ctx, token), slots=slots or 0)
    try:
        work(settings, wish, lambda line: print(one_line(line), flush=True))
    except KeyboardInterrupt:
        raise CommandFailed(code=ExitCode.CANCELLED) from None


@runner.command("register")
@url_option
@token_option
@slots_option
@config_option
@click.pass_context
def register_runner(
    ctx: click.Context, server_url: str | None, token: str | None, slots: int | None, config: Path | None
) -> None:
    """Exchange a one-time token for a key of this runner's own, and keep it; nothing is carried out yet."""
    settings = settings_of(config)
    from flowforge.wiring_runner import Wish, enrol

    name = enrol(settings, Wish(url=_url(ctx, server_url), token=_token(ctx, token), slots=slots or 0))
    print(one_line(f"registered as {name}; start it with: flowforge runner"))


def _url(ctx: click.Context, given: str | None) -> str:
    """Empty where nobody said: the one that is kept counts then."""
    before = ctx.find_object(ServerChoice)
    spoken = before.url if before and before.url != ServerChoice.of({}).url else ""
    return checked_url(given) if given else spoken


def _token(ctx: click.Context, given: str | None) -> str:
    before = ctx.find_object(ServerChoice)
    spoken = before.token if before and before.token != os.environ.get("FLOWFORGE_TOKEN", "").strip() else ""
    found = given or spoken
    if found == "-":
        return _line_of_input()
    return found or os.environ.get("FLOWFORGE_RUNNER_TOKEN", "").strip()


def _line_of_input() -> str:
    """Without an echo where somebody types it."""
    if sys.stdin.isatty():
        return str(click.prompt("Registration token", hide_input=True)).strip()
    raw = sys.stdin.buffer.readline(LONGEST_TOKEN)
    return raw.decode("utf-8", "replace").strip()
