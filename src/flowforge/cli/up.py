"""`flowforge up`."""

import os
import sys
from pathlib import Path

import click

from flowforge.cli.exit_codes import CommandFailed, ExitCode
from flowforge.cli.foreign_text import one_line
from flowforge.errors import SettingsError
from flowforge.settings import Settings, load_settings


@click.command(short_help="Start the server on this machine.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings in TOML (FLOWFORGE_CONFIG, else ./flowforge.toml).",
)
def up(config: Path | None) -> None:
    """Start the server on this machine and serve until told to stop (Ctrl-C or SIGTERM).

    Everything is set by environment variables or a TOML file; see docs/reference/settings.md.
    """
    settings = _settings(config)
    from flowforge.wiring import Announcement, serve

    def announce(announcement: Announcement) -> None:
        print(f"FlowForge serves at {announcement.url} (Ctrl-C ends it)", flush=True)
        if announcement.setup_link:
            print(f"Sign in, once, within half an hour: {announcement.setup_link}", flush=True)
        else:
            print("Sign in with a link from `flowforge link`", flush=True)
        if announcement.webhook_secret_file:
            print(f"Webhook secret: {announcement.webhook_secret_file}", flush=True)

    try:
        serve(settings, announce)
    except KeyboardInterrupt:
        raise CommandFailed(code=ExitCode.CANCELLED) from None


def _settings(config: Path | None) -> Settings:
    try:
        settings = load_settings(os.environ, config, Path.cwd())
    except SettingsError as error:
        for mistake in error.mistakes[:-1]:
            print(f"flowforge: {one_line(mistake)}", file=sys.stderr)
        raise CommandFailed(error.mistakes[-1]) from None
    for warning in settings.warnings:
        print(f"flowforge: warning: {one_line(warning)}", file=sys.stderr)
    return settings
