"""The first schema."""

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
instant = sa.String(27).with_variant(sa.String(27, collation="C"), "postgresql")
word = sa.String(32)

NOUNS = ("organisations", "projects", "pipelines", "deliveries", "runs", "jobs", "runners", "events")
LIVE = sa.text("NOT (status IN ('success', 'failure', 'cancelled', 'skipped'))")
READY = sa.text("ready AND status = 'pending'")
OWED = sa.text("delivered < version AND given_up_at IS NULL")


def _id() -> sa.Column[int]:
    return sa.Column("id", big, primary_key=True, autoincrement=False)


def _part_of(table: str, name: str) -> sa.Column[int]:
    return sa.Column(name, big, sa.ForeignKey(f"{table}.id"), nullable=False)


def _some(type_: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, type_, nullable=False) for name in names]


def _maybe(type_: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, type_) for name in names]


organisations = sa.Table(
    "organisations", metadata, _id(), *_some(sa.Text(), "name"), *_some(instant, "created_at")
)

projects = sa.Table(
    "projects",
    metadata,
    _id(),
    _part_of("organisations", "organisation_id"),
    *_some(sa.Text(), "forge", "origin", "native_id", "name"),
    *_some(sa.Text(), "former_names"),
    *_some(sa.Text(), "clone_url", "default_branch"),
    *_some(big, "last_number"),
    *_some(instant, "created_at"),
    sa.UniqueConstraint("origin", "native_id"),
    sa.Index(None, "name"),
)

project_names = sa.Table(
    "project_names",
    metadata,
    sa.Column("project_id", big, sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text(), primary_key=True),
    sa.Index(None, "name"),
    comment="Finds a project by a former name; the project's own row says which those are.",
)

pipelines = sa.Table(
    "pipelines",
    metadata,
    _id(),
    *_some(big, "organisation_id"),
    _part_of("projects", "project_id"),
    *_some(sa.Text(), "provider", "path", "name"),
    *_some(instant, "created_at"),
    sa.UniqueConstraint("project_id", "provider", "path"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    _id(),
    *_some(big, "organisation_id"),
    _part_of("projects", "project_id"),
    *_some(sa.Text(), "forge", "event", "delivery_key", "event_key"),
    *_some(sa.Text(), "run_ids"),
    *_some(instant, "received_at"),
    *_some(sa.LargeBinary(), "body"),
    sa.UniqueConstraint("delivery_key"),
    sa.UniqueConstraint("event_key"),
)

runs = sa.Table(
    "runs",
    metadata,
    _id(),
    *_some(big, "organisation_id"),
    _part_of("projects", "project_id"),
    sa.Column("pipeline_id", big),
    *_some(sa.Text(), "provider"),
    *_some(big, "number"),
    *_some(word, "trigger_event"),
    *_some(sa.Text(), "repository", "commit", "ref", "branch", "title", "author"),
    *_some(word, "status"),
    *_maybe(word, "cause"),
    *_some(sa.Text(), "reason"),
    *_some(word, "on_failure"),
    sa.Column("delivery_id", big),
    sa.Column("rerun_of", big),
    *_some(sa.Integer(), "attempt"),
    *_some(sa.Text(), "config_path", "config_digest"),
    *_some(instant, "created_at"),
    *_maybe(instant, "planned_at", "started_at", "finished_at"),
    # Last, so that a listing never reads through it.
    *_some(sa.Text(), "config_text"),
    sa.UniqueConstraint("project_id", "number"),
    sa.Index(None, "project_id", "id"),
    sa.Index(None, "project_id", "branch", "id"),
    sa.Index(None, "branch", "id"),
    sa.Index(None, "status", "id"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    _id(),
    _part_of("runs", "run_id"),
    *_some(sa.Text(), "key", "name"),
    sa.Column("image", sa.Text()),
    *_some(sa.Text(), "needs"),
    *_some(word, "status"),
    *_maybe(word, "cause"),
    *_some(sa.Text(), "reason"),
    *_some(sa.Boolean(), "ready"),
    *_some(sa.Boolean(), "stopping"),
    *_some(sa.Integer(), "attempt"),
    *_some(sa.Text(), "runner"),
    *_some(instant, "created_at"),
    *_maybe(instant, "ready_at", "started_at", "finished_at"),
    sa.Column("order", sa.Text()),
    sa.Index(None, "run_id", "id"),
    sa.Index("ix_jobs_ready", "ready_at", "id", sqlite_where=READY, postgresql_where=READY),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("job_id", big, sa.ForeignKey("jobs.id"), primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    *_some(big, "run_id"),
    *_some(big, "runner_id"),
    *_some(sa.Text(), "token"),
    *_some(word, "status"),
    *_maybe(word, "cause"),
    *_some(sa.Text(), "reason"),
    *_some(big, "beat"),
    *_some(big, "log_size"),
    *_maybe(instant, "started_at", "finished_at"),
    sa.Index("ix_attempts_live", "runner_id", sqlite_where=LIVE, postgresql_where=LIVE),
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("job_id", big, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
    *_some(big, "run_id"),
    *_some(sa.Text(), "name"),
    *_some(word, "status"),
    *_maybe(word, "cause"),
    *_some(sa.Text(), "reason"),
    sa.Column("exit_code", sa.Integer()),
    *_maybe(instant, "started_at", "finished_at"),
    *_some(big, "log_start"),
    sa.Column("log_end", big),
    sa.ForeignKeyConstraint(["job_id", "number"], ["attempts.job_id", "attempts.number"]),
)

runners = sa.Table(
    "runners",
    metadata,
    _id(),
    _part_of("organisations", "organisation_id"),
    *_some(sa.Text(), "name", "host"),
    *_some(sa.Text(), "labels"),
    *_some(sa.Integer(), "slots"),
    *_some(sa.Text(), "executor", "note", "key_hash"),
    *_some(instant, "created_at"),
    *_maybe(instant, "seen_at", "asked_at"),
)

credentials = sa.Table(
    "credentials",
    metadata,
    sa.Column("hash", sa.String(128), primary_key=True),
    *_some(word, "kind"),
    _part_of("organisations", "organisation_id"),
    *_some(word, "role"),
    *_some(sa.Text(), "name", "target"),
    *_some(instant, "created_at"),
    sa.Column("expires_at", instant, index=True),
)

status_debts = sa.Table(
    "status_debts",
    metadata,
    sa.Column("run_id", big, sa.ForeignKey("runs.id"), primary_key=True, autoincrement=False),
    *_some(sa.Text(), "status"),
    *_some(sa.Integer(), "version"),
    *_some(sa.Integer(), "delivered"),
    *_some(sa.Integer(), "tries"),
    *_some(instant, "next_try_at"),
    *_some(sa.Text(), "last_error"),
    *_maybe(instant, "wanted_at", "claimed_until", "given_up_at"),
    sa.Index("ix_status_debts_owed", "next_try_at", "run_id", sqlite_where=OWED, postgresql_where=OWED),
)

events = sa.Table(
    "events",
    metadata,
    _id(),
    *_some(big, "organisation_id"),
    *_some(word, "kind"),
    sa.Column("run_id", big),
    sa.Column("job_id", big),
    *_some(sa.String(32), "status"),
    *_some(instant, "at"),
    *_some(sa.Text(), "detail"),
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("reader", sa.String(200), primary_key=True),
    *_some(big, "event_id"),
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("noun", sa.String(32), primary_key=True),
    *_some(big, "value"),
)

meta = sa.Table(
    "meta", metadata, sa.Column("name", sa.String(32), primary_key=True), *_some(sa.Text(), "value")
)


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection, checkfirst=False)
    now = datetime.now(UTC).isoformat(timespec="microseconds")[:26] + "Z"
    connection.execute(sa.insert(organisations), [{"id": 1, "name": "default", "created_at": now}])
    connection.execute(sa.insert(counters), [{"noun": n, "value": int(n == "organisations")} for n in NOUNS])
    connection.execute(sa.insert(meta), [{"name": "epoch", "value": uuid.uuid4().hex}])
