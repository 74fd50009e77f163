"""The settings as one value."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from flowforge.model.grant import Grant


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
class JobSettings:
    """What the containers of all jobs have in common; None for no limit of ours. `network` is empty for the engine's usual
    one."""

    pids: int | None
    memory: int | None
    cpus: float | None
    shm: int | None
    read_only: bool
    network: str
    subnets: str
    grants: tuple[Grant, ...]


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
    master_key: str | None = field(repr=False)
    webhook_secret: str | None = field(repr=False)
    unsigned_webhooks: bool
    webhook_max_bytes: int
    github_token: str | None = field(repr=False)
    github_status_token: str | None = field(repr=False)
    github_url: str
    github_api: str | None
    gitlab_token: str | None = field(repr=False)
    gitlab_url: str
    gitlab_api: str | None
    bitbucket_token: str | None = field(repr=False)
    bitbucket_url: str
    bitbucket_api: str | None
    gitea_token: str | None = field(repr=False)
    gitea_url: str | None
    gitea_api: str | None
    forgejo_token: str | None = field(repr=False)
    forgejo_url: str
    forgejo_api: str | None
    status_context: str
    executor: ExecutorChoice
    engine_wait: float
    runner_slots: int
    process_users: tuple[int, int] | None
    pool: tuple[tuple[str, int], ...] | None
    log_limit: int
    disk_floor: int
    jobs: JobSettings
    lease_seconds: float
    capability_key: str | None = field(repr=False)
    runner_data: Path
    runner_ca: Path | None
    runner_plain_http: bool
    drain_seconds: float
    log_level: LogLevel
    log_format: LogFormat
    server_url: str
    config_path: Path | None
    warnings: tuple[str, ...]
