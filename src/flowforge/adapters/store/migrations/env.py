"""Alembic's entry: it runs this file for every command."""

from alembic import context
from sqlalchemy import Connection

from flowforge.adapters.store.tables import metadata


def run(connection: Connection) -> None:
    """Each migration is one transaction on both databases, the version's row included, so that a crash leaves the old
    schema or the new one. SQLite can that too, though alembic does not assume it."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        transactional_ddl=True,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
