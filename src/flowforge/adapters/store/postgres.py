"""PostgreSQL: any number of servers, one of which writes at a time."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

_ADDRESS = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "5",
    "tcp_user_timeout": "20000",
    "application_name": "flowforge",
}
"""libpq's own parameters; what the URL says goes before them."""


def writing_engine(url: URL, patience: float) -> Engine:
    """A server that freezes in the middle of a transaction must not stop the others for good."""
    settings = _limits(patience) | {"idle_in_transaction_session_timeout": _ms(3 * patience)}
    return _engine(url, patience, 1, settings)


def reading_engine(url: URL, patience: float, threads: int) -> Engine:
    settings = _limits(patience) | {
        "default_transaction_isolation": "repeatable read",
        "default_transaction_read_only": "on",
    }
    return _engine(url, patience, threads, settings)


def migrating_engine(url: URL) -> Engine:
    """Waits ten minutes for another server's migration, and as long as its own takes."""
    return _engine(url, 10.0, 1, {"lock_timeout": "600000", "statement_timeout": "0"})


def _limits(patience: float) -> dict[str, str]:
    """A plan kept from when a table was empty reads it from end to end once it is not, until autovacuum comes by: planning
    each time measured two to three times the throughput on a new database."""
    return {
        "plan_cache_mode": "force_custom_plan",
        "lock_timeout": _ms(patience),
        "statement_timeout": _ms(6 * patience),
    }


def _ms(seconds: float) -> str:
    return str(max(1, int(seconds * 1000)))


def _engine(url: URL, patience: float, size: int, settings: Mapping[str, str]) -> Engine:
    address = {name: value for name, value in _ADDRESS.items() if name not in url.query}
    engine = create_engine(
        url,
        connect_args=address,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=patience,
    )

    def set_up(connection: Any, entry: ConnectionPoolEntry) -> None:  # noqa: ARG001
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.commit()

    event.listen(engine, "connect", set_up)
    return engine
