"""The schema a database has, and the way to the one this FlowForge needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from flowforge.adapters.store.migrations import REVISIONS
from flowforge.errors import Conflict

_LOCK = 0x466C6F77
"""An advisory lock of PostgreSQL is a number; this one is read `Flow`."""


def is_up_to_date(engine: Engine) -> bool:
    """Raises `Conflict` on a database that a newer FlowForge wrote."""
    with engine.connect() as connection, connection.begin():
        return _version(connection) == REVISIONS[-1]


def migrate(engine: Engine) -> None:
    """Waits while another server does the same, then finds nothing left to do. Alembic is loaded here because it
    costs a third of a second, which a start without migrations need not pay."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with engine.connect() as connection, _alone(connection):
        with connection.begin():
            _version(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version is not None and version not in REVISIONS:
        raise Conflict(
            f"the database has schema {version}, which this FlowForge does not know (its newest is "
            f"{REVISIONS[-1]}): start the newer FlowForge that wrote it, or restore a backup made before the upgrade"
        )
    return version


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """On SQLite the file's lock has seen to it."""
    if connection.dialect.name != "postgresql":
        yield
        return
    with connection.begin():
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
    try:
        yield
    finally:
        connection.rollback()
        with connection.begin():
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
