"""Every setting there is, as rows: where it is written, how it is read, what it is otherwise."""

import re

from flowforge.settings import parsers
from flowforge.settings.forge_rows import FORGE_ROWS, GITHUB_ROWS
from flowforge.settings.job_rows import JOB_ROWS
from flowforge.settings.setting import Form, Secrecy, Setting
from flowforge.settings.values import ExecutorChoice, LogFormat, LogLevel

SERVER_ROWS: tuple[Setting, ...] = (
    Setting(
        name="host",
        variables=("FLOWFORGE_HOST",),
        key="server.host",
        parse=parsers.host,
        default="127.0.0.1",
        doc="Address the server listens on.",
    ),
    Setting(
        name="port",
        variables=("FLOWFORGE_PORT", "PORT"),
        key="server.port",
        parse=parsers.number(0, 65535),
        form=Form.NUMBER,
        default="5000",
        doc="Port the server listens on; 0 takes a free one.",
    ),
    Setting(
        name="public_url",
        variables=("FLOWFORGE_PUBLIC_URL",),
        key="server.public_url",
        parse=parsers.web_address,
        default_doc="host and port",
        doc="Address under which people and forges reach the server; links are made with it.",
    ),
    Setting(
        name="trusted_proxies",
        variables=("FLOWFORGE_TRUSTED_PROXIES",),
        key="server.trusted_proxies",
        parse=parsers.networks,
        form=Form.LIST,
        default="",
        default_doc="none",
        doc="Addresses or networks of proxies whose forwarding headers count, separated by commas.",
    ),
    Setting(
        name="trusted_forges",
        variables=("FLOWFORGE_TRUSTED_FORGES",),
        key="server.trusted_forges",
        parse=parsers.origins,
        form=Form.LIST,
        default="",
        default_doc="none",
        doc="Forges on private or loopback addresses that may be contacted, plain HTTP included: `host[:port]`, "
        "separated by commas.",
    ),
    Setting(
        name="data",
        variables=("FLOWFORGE_DATA",),
        key="storage.data",
        parse=parsers.path,
        default="data",
        doc="Folder of the database, logs, blobs and keys.",
    ),
    Setting(
        name="database_url",
        variables=("FLOWFORGE_DATABASE_URL",),
        key="storage.database_url",
        parse=parsers.database,
        default_doc="`flowforge.db` in the data folder",
        secrecy=Secrecy.SECRET,
        doc="`sqlite:///path` or `postgresql://user:password@host/name`.",
    ),
    Setting(
        name="workspace_root",
        variables=("FLOWFORGE_WORKSPACE_ROOT", "popsicle_WORKSPACE_ROOT"),
        key="storage.workspace_root",
        parse=parsers.path,
        default="workspaces",
        doc="Folder in which each run's workspace is made, and deleted afterwards.",
    ),
    Setting(
        name="master_key",
        variables=("FLOWFORGE_MASTER_KEY",),
        key="storage.master_key",
        parse=parsers.master_keys,
        default_doc="one is made at the first start, in the data folder",
        secrecy=Secrecy.SECRET,
        doc="Key that seals stored secrets: 32 random bytes in base64. Several, separated by commas, are tried in turn; "
        "the first seals.",
    ),
    Setting(
        name="disk_floor",
        variables=("FLOWFORGE_DISK_FLOOR",),
        key="storage.disk_floor",
        parse=parsers.size(0, 1024**5),
        default="256 MiB",
        doc="Free space below which no job is taken and no log grows, in the data folder and where workspaces are made; "
        "what is left is kept for the database. 0 asks for none.",
    ),
    Setting(
        name="webhook_secret",
        variables=("FLOWFORGE_WEBHOOK_SECRET", "WEBHOOK_SECRET"),
        key="webhook.secret",
        parse=parsers.secret,
        default_doc="one is made at the first start",
        secrecy=Secrecy.SECRET,
        doc="Signing secret of incoming webhooks.",
    ),
    Setting(
        name="unsigned_webhooks",
        variables=("FLOWFORGE_UNSIGNED_WEBHOOKS",),
        key="webhook.unsigned",
        parse=parsers.flag,
        form=Form.FLAG,
        default="0",
        doc="1 accepts unsigned webhooks, but only from a loopback peer without forwarding headers.",
    ),
    Setting(
        name="webhook_max_bytes",
        variables=("FLOWFORGE_WEBHOOK_MAX_BYTES",),
        key="webhook.max_bytes",
        parse=parsers.size(1024, 1024**3),
        form=Form.NUMBER,
        default="25 MiB",
        doc="Largest webhook body that is read.",
    ),
    Setting(
        name="github_token",
        variables=("FLOWFORGE_GITHUB_TOKEN", "popsicle_GITHUB_TOKEN", "GITHUB_TOKEN"),
        key="github.token",
        parse=parsers.secret,
        default_doc="none",
        secrecy=Secrecy.SECRET,
        doc="Token for cloning private repositories from GitHub.",
    ),
    Setting(
        name="github_status_token",
        variables=("GITHUB_TOKEN", "FLOWFORGE_GITHUB_TOKEN", "popsicle_GITHUB_TOKEN"),
        key="github.status_token",
        parse=parsers.secret,
        default_doc="the token for cloning",
        secrecy=Secrecy.SECRET,
        doc="Token for commit statuses (scope `repo:status`).",
    ),
    *GITHUB_ROWS,
    Setting(
        name="status_context",
        variables=("FLOWFORGE_STATUS_CONTEXT",),
        key="github.status_context",
        parse=parsers.text,
        default="ci/flowforge",
        doc="Name under which commit statuses appear at the forge.",
    ),
    *FORGE_ROWS,
    Setting(
        name="executor",
        variables=("FLOWFORGE_EXECUTOR",),
        key="runner.executor",
        parse=parsers.one_of(ExecutorChoice),
        default="auto",
        doc="Where the local runner's jobs run: `auto`, `docker`, `podman` or `process`. `process` is for your own "
        "machine and is never chosen by `auto`.",
    ),
    Setting(
        name="engine_wait",
        variables=("FLOWFORGE_ENGINE_WAIT",),
        key="runner.engine_wait",
        parse=parsers.seconds(0, 7 * 86400),
        form=Form.NUMBER,
        default="600",
        doc="Seconds a job waits for a container engine to answer before it fails as `infrastructure`.",
    ),
    Setting(
        name="runner_slots",
        variables=("FLOWFORGE_RUNNER_SLOTS",),
        key="runner.slots",
        parse=parsers.number(1, 1000),
        form=Form.NUMBER,
        default_doc="the number of processors, at least 2",
        doc="Jobs the local runner executes at the same time.",
    ),
    Setting(
        name="process_users",
        variables=("FLOWFORGE_PROCESS_USERS",),
        key="runner.process_users",
        parse=parsers.user_numbers,
        default="58000-58999",
        doc="User numbers of which each job of the executor `process` gets one for itself where the server is root; "
        "`off` lets all run as `nobody`, without a limit of processes.",
    ),
    Setting(
        name="pool",
        variables=("FLOWFORGE_POOL",),
        key="runner.pool",
        parse=parsers.pool,
        form=Form.LIST,
        default="off",
        doc="Containers that are started before there is a job for them, and so without the label `flowforge.run`: `auto` "
        "for two of each of the three images used last, or images with a number each, such as `python:3.12=2,node:22=1`.",
    ),
    Setting(
        name="log_limit",
        variables=("FLOWFORGE_LOG_LIMIT",),
        key="runner.log_limit",
        parse=parsers.size(1024, 1024**4),
        default="1000000000",
        doc="Bytes of one attempt's log that are kept; what is behind them is cut, and the cut is marked.",
    ),
    Setting(
        name="lease_seconds",
        variables=("FLOWFORGE_LEASE_SECONDS",),
        key="runner.lease_seconds",
        parse=parsers.seconds(2, 86400),
        form=Form.NUMBER,
        default="60",
        doc="Seconds without a sign of life after which a runner's job is given to another.",
    ),
    Setting(
        name="capability_key",
        variables=("FLOWFORGE_CAPABILITY_KEY",),
        key="runner.capability_key",
        parse=parsers.secret,
        default_doc="one is made at the first start",
        secrecy=Secrecy.SECRET,
        doc="What capability URLs for runners are sealed with; servers that share a database and an address need the same.",
    ),
    Setting(
        name="runner_data",
        variables=("FLOWFORGE_RUNNER_DATA",),
        key="runner.data",
        parse=parsers.path,
        default="runner",
        doc="Folder of `flowforge runner`: its key, its spool, its workspaces and the commits it keeps.",
    ),
    Setting(
        name="runner_ca",
        variables=("FLOWFORGE_RUNNER_CA",),
        key="runner.ca",
        parse=parsers.path,
        default_doc="the system's authorities",
        doc="File of the certificate authorities (PEM) that `flowforge runner` believes its server's certificate from.",
    ),
    Setting(
        name="runner_plain_http",
        variables=("FLOWFORGE_RUNNER_PLAIN_HTTP",),
        key="runner.plain_http",
        parse=parsers.flag,
        form=Form.FLAG,
        default="0",
        doc="1 lets `flowforge runner` speak plain http to a server that is not on its own machine.",
    ),
    Setting(
        name="drain_seconds",
        variables=("FLOWFORGE_DRAIN_SECONDS",),
        key="runner.drain_seconds",
        parse=parsers.seconds(0, 7 * 86400),
        form=Form.NUMBER,
        default="3600",
        doc="Seconds that `flowforge runner`, told to stop, waits for its running jobs before it leaves them to be resumed.",
    ),
    Setting(
        name="log_level",
        variables=("FLOWFORGE_LOG_LEVEL",),
        key="log.level",
        parse=parsers.one_of(LogLevel),
        default="info",
        doc="Least severity that the server logs: `debug`, `info`, `warning` or `error`.",
    ),
    Setting(
        name="log_format",
        variables=("FLOWFORGE_LOG_FORMAT",),
        key="log.format",
        parse=parsers.one_of(LogFormat),
        default="console",
        doc="Form of the log on standard error: `console` or `json`. The file in the data folder is always JSON.",
    ),
    Setting(
        name="server_url",
        variables=("FLOWFORGE_SERVER_URL", "popsicle_SERVER_URL"),
        key="client.server_url",
        parse=parsers.web_address,
        default="http://localhost:5000",
        doc="Server that the command line talks to.",
    ),
)

SETTINGS = (*SERVER_ROWS, *JOB_ROWS)

CLIENT_VARIABLES = {
    "FLOWFORGE_TOKEN": "Token that the command line signs in with. A server on this machine needs none. A secret.",
    "FLOWFORGE_RUNNER_TOKEN": "One-time registration token for the first start of `flowforge runner`. A secret.",
}
"""What the command line alone reads, and from the environment alone."""

SECRET_VARIABLE = re.compile("FLOWFORGE_SECRET_[A-Za-z_][A-Za-z0-9_]*")
"""Each of these is a job's secret."""
OTHER_VARIABLES = frozenset({"FLOWFORGE_CONFIG", "FLOWFORGE_TEST_STRICT", *CLIENT_VARIABLES})
"""Variables with our prefix that are no settings."""
