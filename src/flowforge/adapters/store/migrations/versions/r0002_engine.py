"""What the whole engine needs to remember: pull requests, inputs, groups, approvals, the terms of jobs, secrets."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

READY = sa.text("ready AND status = 'pending'")
GROUPED = sa.text("\"group\" <> ''")
OWED = sa.text("delivered < version AND given_up_at IS NULL")
SENDING = sa.text("claimed_until IS NOT NULL")
QUEUED = sa.text("status = 'pending' AND NOT ready AND ready_at IS NOT NULL")
LIVE = "NOT (status IN ('success', 'failure', 'cancelled', 'skipped'))"
LIVE_GROUPED = sa.text(f"{GROUPED.text} AND {LIVE}")
LIVE_SERIAL = sa.text(f"serial_group <> '' AND {LIVE}")
FOLLOWING = sa.text("upstreams IS NOT NULL")
instant = sa.String(27).with_variant(sa.String(27, collation="C"), "postgresql")
big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

counters = sa.table("counters", sa.column("noun"), sa.column("value"))
for known in ("organisations", "projects"):
    sa.Table(known, metadata, sa.Column("id", big, primary_key=True))

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("id", big, primary_key=True, autoincrement=False),
    sa.Column("organisation_id", big, sa.ForeignKey("organisations.id"), nullable=False),
    sa.Column("project_id", big, sa.ForeignKey("projects.id")),
    sa.Column("kind", sa.String(32), nullable=False),
    *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "environment", "branch", "group")),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("masked", sa.Boolean(), nullable=False),
    *(sa.Column(name, instant, nullable=False) for name in ("created_at", "updated_at")),
    sa.Column("updated_by", sa.Text(), nullable=False),
    sa.Column("key", sa.Text(), nullable=False),
    *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("wrapped", "box")),
    sa.Index(None, "organisation_id", "name"),
    sa.Index(None, "project_id", "id"),
    comment="Values are sealed. No two rows have one place: writes follow one another and look first.",
)

master_keys = sa.Table(
    "master_keys",
    metadata,
    sa.Column("fingerprint", sa.String(32), primary_key=True),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("created_at", instant, nullable=False),
    sa.Column("created_by", sa.Text(), nullable=False),
    sa.Column("retired_at", instant),
    comment="What is known of the keys that seal secrets; the keys themselves are elsewhere.",
)


def upgrade() -> None:
    for name in ("author_id", "before", "group"):
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("inputs", sa.Text(), nullable=False, server_default="{}"))
    for name in ("pull_request", "approval"):
        op.add_column("runs", sa.Column(name, sa.Text()))
    op.create_index(
        "ix_runs_group", "runs", ["project_id", "group", "id"], sqlite_where=GROUPED, postgresql_where=GROUPED
    )
    op.create_index(
        "ix_runs_line",
        "runs",
        ["project_id", "group", "id"],
        sqlite_where=LIVE_GROUPED,
        postgresql_where=LIVE_GROUPED,
    )
    op.add_column("jobs", sa.Column("kept_from", big))
    op.add_column("jobs", sa.Column("terms", sa.Text()))
    op.add_column("runs", sa.Column("caused_by", big))
    _autostart()
    _lanes()
    _runners()
    _add_secrets()
    _deliveries()
    _status_debts()
    _turns()


def _autostart() -> None:
    """What starts a pipeline by itself."""
    for name in ("inputs", "upstreams"):
        op.add_column("pipelines", sa.Column(name, sa.Text()))
    op.add_column("pipelines", sa.Column("defined_by", big, nullable=False, server_default="0"))
    op.create_index(
        "ix_pipelines_following", "pipelines", ["id"], sqlite_where=FOLLOWING, postgresql_where=FOLLOWING
    )
    op.create_table(
        "timers",
        sa.Column("pipeline_id", big, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("project_id", big, nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("next_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("pipeline_id", "name", name="pk_timers"),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipelines.id"], name="fk_timers_pipeline_id_pipelines"),
    )
    op.create_index("ix_timers_next_at", "timers", ["next_at"])


def _lanes() -> None:
    ordered = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("jobs", sa.Column("lane", ordered, nullable=False, server_default=""))
    op.execute(
        "UPDATE jobs SET lane = (SELECT CAST(project_id AS TEXT) || '/own/' FROM runs WHERE runs.id = jobs.run_id)"
    )
    op.create_index(
        "ix_jobs_lane", "jobs", ["lane", "ready_at", "id"], sqlite_where=READY, postgresql_where=READY
    )
    op.create_index("ix_attempts_token", "attempts", ["token"])


def _runners() -> None:
    op.add_column("runners", sa.Column("projects", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("runners", sa.Column("trust", sa.String(32), nullable=False, server_default="any"))
    op.add_column("runners", sa.Column("most_slots", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runners", sa.Column("draining", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in ("version", "instance"):
        op.add_column("runners", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_runners_key_hash", "runners", ["key_hash"])


def _add_secrets() -> None:
    """Named as the tables are: the naming convention is theirs."""
    metadata.create_all(op.get_bind(), tables=[secrets, master_keys], checkfirst=False)
    op.execute(sa.insert(counters).values(noun="secrets", value=0))


def _deliveries() -> None:
    """The same happening may come again: what is newest at a place says whether it is one more time the same."""
    op.add_column("deliveries", sa.Column("place", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("deliveries") as batch:
        batch.drop_constraint("uq_deliveries_event_key", type_="unique")
    op.create_table(
        "tips",
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("run_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place", name="pk_tips"),
        comment="The newest delivery of every place, so that asking for it costs the same however many there were.",
    )


def _status_debts() -> None:
    """Those from before are all owed to GitHub, at an origin that nobody noted. They are in no newer run's way: without
    a subject, nobody finds them by it."""
    for name in ("place", "subject", "claimed_by"):
        op.add_column("status_debts", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE status_debts SET place = 'github '")
    op.drop_index("ix_status_debts_owed", "status_debts")
    op.create_index(
        "ix_status_debts_owed",
        "status_debts",
        ["place", "next_try_at", "run_id"],
        sqlite_where=OWED,
        postgresql_where=OWED,
    )
    op.create_index("ix_status_debts_subject", "status_debts", ["subject", "run_id"])
    op.create_index(
        "ix_status_debts_sending",
        "status_debts",
        ["subject", "run_id"],
        sqlite_where=SENDING,
        postgresql_where=SENDING,
    )


def _turns() -> None:
    op.add_column("runs", sa.Column("supersedes", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("gate", sa.String(32), nullable=False, server_default="open"))
    for name in ("serial_group", "serial_unit"):
        op.add_column("jobs", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_jobs_queued", "jobs", ["ready_at", "id"], sqlite_where=QUEUED, postgresql_where=QUEUED
    )
    op.create_index(
        "ix_jobs_serial",
        "jobs",
        ["serial_group", "id"],
        sqlite_where=LIVE_SERIAL,
        postgresql_where=LIVE_SERIAL,
    )
