"""The settings as one value."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class ExecutorChoice(StrEnum):
    """Where the local runner's jobs run. `AUTO` is a container engine that answers, never `PROCESS`."""

    AUTO = "auto"
    DOCKER = "docker"
    PODMAN = "podman"
    PROCESS = "process"


class LogFormat(StrEnum):
    """Of the lines on the server's standard error; the file is always JSON."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything validated: paths absolute, URLs without a trailing slash, sizes in bytes, times in seconds.

    `warnings` are sentences for the person who starts the server; `config_path` is the TOML file that was read.
    Secret values, and the database URL, which may hold one, are left out of `repr`.
    """

    host: str
    port: int
    public_url: str | None
    trusted_proxies: tuple[str, ...]
    trusted_forges: tuple[str, ...]
    data: Path
    database_url: str = field(repr=False)
    workspace_root: Path
    webhook_secret: str | None = field(repr=False)
    unsigned_webhooks: bool
    webhook_max_bytes: int
    github_token: str | None = field(repr=False)
    github_status_token: str | None = field(repr=False)
    github_api: str
    status_context: str
    executor: ExecutorChoice
    engine_wait: float
    runner_slots: int
    log_limit: int
    lease_seconds: float
    log_level: LogLevel
    log_format: LogFormat
    server_url: str
    config_path: Path | None
    warnings: tuple[str, ...]
