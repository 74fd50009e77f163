"""What the whole engine needs to remember: pull requests, inputs, groups, approvals, the terms of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GROUPED = sa.text("\"group\" <> ''")


def upgrade() -> None:
    for name in ("author_id", "before", "group"):
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("inputs", sa.Text(), nullable=False, server_default="{}"))
    for name in ("pull_request", "approval"):
        op.add_column("runs", sa.Column(name, sa.Text()))
    op.create_index(
        "ix_runs_group", "runs", ["project_id", "group", "id"], sqlite_where=GROUPED, postgresql_where=GROUPED
    )
    op.add_column("jobs", sa.Column("kept_from", big))
    op.add_column("jobs", sa.Column("terms", sa.Text()))
