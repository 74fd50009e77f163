"""The schema as it is today. `migrations/` says how a database came to it; a test holds the two together."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from flowforge.adapters.store.types import Choice, Id, Instant, Json, JsonOf, JsonTuple, Ordered, Words
from flowforge.model.commit_status import CommitStatus
from flowforge.model.credential import CredentialKind, Role
from flowforge.model.event import EventKind
from flowforge.model.inputs import InputSpec
from flowforge.model.job_terms import NO_TERMS, JobTerms
from flowforge.model.order import JobOrder
from flowforge.model.pipeline_config import OnFailure
from flowforge.model.run import Approval, Gate
from flowforge.model.runner import Trust
from flowforge.model.schedule import Schedule, Upstream
from flowforge.model.secret import SecretKind
from flowforge.model.status import Cause, Status
from flowforge.model.trigger import PullRequest, TriggerEvent

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NOUNS = (
    "organisations",
    "projects",
    "pipelines",
    "deliveries",
    "runs",
    "jobs",
    "runners",
    "events",
    "secrets",
)
"""Those whose ids come from `counters`."""

OVER = "status IN ('success', 'failure', 'cancelled', 'skipped')"
FOLLOWING = text("upstreams IS NOT NULL")
GROUPED = text("\"group\" <> ''")
LIVE = text(f"NOT ({OVER})")
LIVE_ATTEMPTS = text(f"NOT (attempts.{OVER})")
LIVE_JOBS = text(f"NOT (jobs.{OVER})")
LIVE_RUNS = text(f"NOT (runs.{OVER})")
READY = text("ready AND status = 'pending'")
QUEUED = text("status = 'pending' AND NOT ready AND ready_at IS NOT NULL")
SERIAL = text("serial_group <> ''")
LIVE_GROUPED = text(f"{GROUPED.text} AND {LIVE.text}")
LIVE_SERIAL = text(f"{SERIAL.text} AND {LIVE.text}")
OWED = text("delivered < version AND given_up_at IS NULL")
SENDING = text("claimed_until IS NOT NULL")


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=False)


def _part_of(table: str, name: str) -> Column[int]:
    return Column(name, Id, ForeignKey(f"{table}.id"), nullable=False)


def _words(*names: str) -> list[Column[str]]:
    return [Column(name, Words, nullable=False) for name in names]


def _instants(*names: str) -> list[Column[object]]:
    return [Column(name, Instant) for name in names]


def _created() -> Column[object]:
    return Column("created_at", Instant, nullable=False)


def _standing() -> list[Column[object]]:
    return [
        Column("status", Choice(Status), nullable=False),
        Column("cause", Choice(Cause)),
        Column("reason", Words, nullable=False),
    ]


organisations = Table("organisations", metadata, _id(), *_words("name"), _created())

projects = Table(
    "projects",
    metadata,
    _id(),
    _part_of("organisations", "organisation_id"),
    *_words("forge", "origin", "native_id", "name"),
    Column("former_names", JsonTuple, nullable=False),
    *_words("clone_url", "default_branch"),
    Column("last_number", Id, nullable=False),
    _created(),
    UniqueConstraint("origin", "native_id"),
    Index(None, "name"),
)

project_names = Table(
    "project_names",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Words, primary_key=True),
    Index(None, "name"),
    comment="Finds a project by a former name; the project's own row says which those are.",
)

pipelines = Table(
    "pipelines",
    metadata,
    _id(),
    Column("organisation_id", Id, nullable=False),
    _part_of("projects", "project_id"),
    *_words("provider", "path", "name"),
    Column("inputs", JsonOf(tuple[InputSpec, ...], usual=())),
    Column("upstreams", JsonOf(tuple[Upstream, ...], usual=())),
    Column("defined_by", Id, nullable=False),
    _created(),
    UniqueConstraint("project_id", "provider", "path"),
    Index("ix_pipelines_following", "id", sqlite_where=FOLLOWING, postgresql_where=FOLLOWING),
)

timers = Table(
    "timers",
    metadata,
    Column("pipeline_id", Id, ForeignKey("pipelines.id"), primary_key=True, autoincrement=False),
    Column("name", String(200), primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("schedule", JsonOf(Schedule), nullable=False),
    Column("next_at", Instant, nullable=False, index=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    Column("organisation_id", Id, nullable=False),
    _part_of("projects", "project_id"),
    *_words("forge", "event", "delivery_key", "event_key", "place"),
    Column("run_ids", JsonTuple, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("delivery_key"),
)

tips = Table(
    "tips",
    metadata,
    Column("place", String(64), primary_key=True),
    *_words("event_key"),
    Column("run_ids", JsonTuple, nullable=False),
    comment="The newest delivery of every place, so that asking for it costs the same however many there were.",
)

runs = Table(
    "runs",
    metadata,
    _id(),
    Column("organisation_id", Id, nullable=False),
    _part_of("projects", "project_id"),
    Column("pipeline_id", Id),
    *_words("provider"),
    Column("number", Id, nullable=False),
    Column("trigger_event", Choice(TriggerEvent), nullable=False),
    *_words("repository", "commit", "ref", "branch", "title", "author"),
    *_words("author_id", "before"),
    Column("pull_request", JsonOf(PullRequest)),
    Column("inputs", Json, nullable=False),
    Column("caused_by", Id),
    *_standing(),
    Column("on_failure", Choice(OnFailure), nullable=False),
    Column("delivery_id", Id),
    Column("rerun_of", Id),
    *_words("group"),
    Column("supersedes", Boolean, nullable=False),
    Column("gate", Choice(Gate), nullable=False),
    Column("approval", JsonOf(Approval)),
    Column("attempt", Integer, nullable=False),
    *_words("config_path", "config_digest"),
    _created(),
    *_instants("planned_at", "started_at", "finished_at"),
    # Last, so that a listing never reads through it.
    *_words("config_text"),
    UniqueConstraint("project_id", "number"),
    Index(None, "project_id", "id"),
    Index(None, "project_id", "branch", "id"),
    Index(None, "branch", "id"),
    Index(None, "status", "id"),
    Index("ix_runs_group", "project_id", "group", "id", sqlite_where=GROUPED, postgresql_where=GROUPED),
    Index(
        "ix_runs_line", "project_id", "group", "id", sqlite_where=LIVE_GROUPED, postgresql_where=LIVE_GROUPED
    ),
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    _part_of("runs", "run_id"),
    *_words("key", "name"),
    Column("image", Words),
    Column("needs", JsonTuple, nullable=False),
    *_standing(),
    Column("ready", Boolean, nullable=False),
    Column("stopping", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    *_words("runner"),
    Column("kept_from", Id),
    Column("terms", JsonOf(JobTerms, usual=NO_TERMS)),
    Column("lane", Ordered, nullable=False),
    *_words("serial_group", "serial_unit"),
    _created(),
    *_instants("ready_at", "started_at", "finished_at"),
    # Last, so that a listing never reads through it.
    Column("order", JsonOf(JobOrder)),
    Index(None, "run_id", "id"),
    Index("ix_jobs_ready", "ready_at", "id", sqlite_where=READY, postgresql_where=READY),
    Index("ix_jobs_lane", "lane", "ready_at", "id", sqlite_where=READY, postgresql_where=READY),
    Index("ix_jobs_queued", "ready_at", "id", sqlite_where=QUEUED, postgresql_where=QUEUED),
    Index("ix_jobs_serial", "serial_group", "id", sqlite_where=LIVE_SERIAL, postgresql_where=LIVE_SERIAL),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", Id, ForeignKey("jobs.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("run_id", Id, nullable=False),
    Column("runner_id", Id, nullable=False),
    *_words("token"),
    *_standing(),
    Column("beat", Id, nullable=False),
    Column("log_size", Id, nullable=False),
    *_instants("started_at", "finished_at"),
    Index("ix_attempts_live", "runner_id", sqlite_where=LIVE, postgresql_where=LIVE),
    Index(None, "token"),
)

steps = Table(
    "steps",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("run_id", Id, nullable=False),
    *_words("name"),
    *_standing(),
    Column("exit_code", Integer),
    *_instants("started_at", "finished_at"),
    Column("log_start", Id, nullable=False),
    Column("log_end", Id),
    ForeignKeyConstraint(["job_id", "number"], ["attempts.job_id", "attempts.number"]),
)

runners = Table(
    "runners",
    metadata,
    _id(),
    _part_of("organisations", "organisation_id"),
    *_words("name", "host"),
    Column("labels", JsonTuple, nullable=False),
    Column("slots", Integer, nullable=False),
    *_words("executor", "note", "key_hash"),
    Column("projects", JsonTuple, nullable=False),
    Column("trust", Choice(Trust), nullable=False),
    Column("most_slots", Integer, nullable=False),
    Column("draining", Boolean, nullable=False),
    *_words("version", "instance"),
    _created(),
    *_instants("seen_at", "asked_at"),
    Index(None, "key_hash"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("hash", String(128), primary_key=True),
    Column("kind", Choice(CredentialKind), nullable=False),
    _part_of("organisations", "organisation_id"),
    Column("role", Choice(Role), nullable=False),
    *_words("name", "target"),
    _created(),
    Column("expires_at", Instant, index=True),
)

secrets = Table(
    "secrets",
    metadata,
    _id(),
    _part_of("organisations", "organisation_id"),
    Column("project_id", Id, ForeignKey("projects.id")),
    Column("kind", Choice(SecretKind), nullable=False),
    *_words("name", "environment", "branch", "group"),
    Column("version", Integer, nullable=False),
    Column("masked", Boolean, nullable=False),
    _created(),
    Column("updated_at", Instant, nullable=False),
    *_words("updated_by"),
    # Last, so that a listing never reads them.
    *_words("key"),
    Column("wrapped", LargeBinary, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Index(None, "organisation_id", "name"),
    Index(None, "project_id", "id"),
    comment="Values are sealed. No two rows have one place: writes follow one another and look first.",
)

master_keys = Table(
    "master_keys",
    metadata,
    Column("fingerprint", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    _created(),
    *_words("created_by"),
    *_instants("retired_at"),
    comment="What is known of the keys that seal secrets; the keys themselves are elsewhere.",
)

status_debts = Table(
    "status_debts",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id"), primary_key=True, autoincrement=False),
    Column("status", JsonOf(CommitStatus), nullable=False),
    *_words("place", "subject"),
    Column("version", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", Instant, nullable=False),
    *_words("last_error", "claimed_by"),
    *_instants("wanted_at", "claimed_until", "given_up_at"),
    Index("ix_status_debts_owed", "place", "next_try_at", "run_id", sqlite_where=OWED, postgresql_where=OWED),
    Index("ix_status_debts_subject", "subject", "run_id"),
    Index("ix_status_debts_sending", "subject", "run_id", sqlite_where=SENDING, postgresql_where=SENDING),
)

events = Table(
    "events",
    metadata,
    _id(),
    Column("organisation_id", Id, nullable=False),
    Column("kind", Choice(EventKind), nullable=False),
    Column("run_id", Id),
    Column("job_id", Id),
    Column("status", String(32), nullable=False),
    Column("at", Instant, nullable=False),
    Column("detail", Json, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("reader", String(200), primary_key=True),
    Column("event_id", Id, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("noun", String(32), primary_key=True),
    Column("value", Id, nullable=False),
)

meta = Table("meta", metadata, Column("name", String(32), primary_key=True), *_words("value"))
