"""What the server can be told: environment over `flowforge.toml` over defaults, every mistake listed at once."""

from flowforge.settings.load import load_job_settings, load_settings
from flowforge.settings.values import ExecutorChoice, JobSettings, LogFormat, LogLevel, Settings

__all__ = [
    "ExecutorChoice",
    "JobSettings",
    "LogFormat",
    "LogLevel",
    "Settings",
    "load_job_settings",
    "load_settings",
]
