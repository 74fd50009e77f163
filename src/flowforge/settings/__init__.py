"""What the server can be told: environment over `flowforge.toml` over defaults, every mistake listed at once."""

from flowforge.settings.load import load_settings
from flowforge.settings.values import ExecutorChoice, LogFormat, LogLevel, Settings

__all__ = ["ExecutorChoice", "LogFormat", "LogLevel", "Settings", "load_settings"]
