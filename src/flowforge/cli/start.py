"""What every command begins with that starts something long-lived: its settings, and a word about each mistake in them."""

import os
import sys
from pathlib import Path

from flowforge.cli.exit_codes import CommandFailed
from flowforge.cli.foreign_text import one_line
from flowforge.errors import SettingsError
from flowforge.settings import Settings, load_settings


def settings_of(config: Path | None) -> Settings:
    try:
        settings = load_settings(os.environ, config, Path.cwd())
    except SettingsError as error:
        for mistake in error.mistakes[:-1]:
            print(f"flowforge: {one_line(mistake)}", file=sys.stderr)
        raise CommandFailed(error.mistakes[-1]) from None
    for warning in settings.warnings:
        print(f"flowforge: warning: {one_line(warning)}", file=sys.stderr)
    return settings
