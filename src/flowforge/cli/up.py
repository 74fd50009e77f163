"""`flowforge up`."""

from pathlib import Path

import click

from flowforge.cli.exit_codes import CommandFailed, ExitCode
from flowforge.cli.start import settings_of


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
    settings = settings_of(config)
    import flowforge.cli.light_structlog  # noqa: F401  before all who import structlog
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
