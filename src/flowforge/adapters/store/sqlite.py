"""SQLite: one server a file, one connection that writes and checkpoints, others that only read.

Builds before 3.51.3 can corrupt a WAL database when two connections write or checkpoint at once
(https://sqlite.org/wal.html#walresetbug), hence exactly one that does, and no memory map."""

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from flowforge.errors import BadInput, Conflict

_OLDEST = (3, 35, 0)
"""UPDATE … RETURNING."""

_WRITER = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "journal_size_limit = 67108864")
_READER = ("query_only = ON", "wal_autocheckpoint = 0")
_BOTH = ("mmap_size = 0", "temp_store = MEMORY", "cache_size = -16000")


def database_path(url: URL) -> Path:
    if sqlite3.sqlite_version_info < _OLDEST:
        raise BadInput(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed")
    if not url.database or url.database == ":memory:" or url.query:
        raise BadInput("a SQLite database is a file: sqlite:///path/to/flowforge.db", field="url")
    return Path(url.database).absolute()


class FileLock:
    """Held as long as the server lives; the kernel frees it with the process, however that ends."""

    def __init__(self, database: Path) -> None:
        database.parent.mkdir(parents=True, exist_ok=True)
        self._path = database.with_name(f"{database.name}.lock")
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode(errors="replace").strip()
            self.release()
            raise Conflict(
                f"another FlowForge server (process {holder or 'unknown'}) has {database} open: stop it, "
                "or give this one a data folder of its own, or let both use PostgreSQL"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

        _make_private(database)

    def release(self) -> None:
        """The file stays: removing it would let two servers hold locks of the same name."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _make_private(database: Path) -> None:
    """Bodies of webhooks are nobody else's business; SQLite gives the file's mode to what it puts beside it."""
    os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def writing_engine(url: URL, patience: float) -> Engine:
    engine = _engine(url, patience, size=1)
    _on_connect(engine, (*_BOTH, *_WRITER))
    _on_begin(engine, "BEGIN IMMEDIATE")
    return engine


def reading_engine(url: URL, patience: float, threads: int) -> Engine:
    engine = _engine(url, patience, size=threads)
    _on_connect(engine, (*_BOTH, *_READER))
    _on_begin(engine, "BEGIN")
    return engine


def migrating_engine(url: URL, patience: float) -> Engine:
    """Foreign keys are off: replacing a table would cascade into those that name it."""
    engine = _engine(url, patience, size=1)
    _on_connect(engine, (*_BOTH, *(pragma for pragma in _WRITER if pragma != "foreign_keys = ON")))
    _on_begin(engine, "BEGIN IMMEDIATE")
    return engine


def _engine(url: URL, patience: float, size: int) -> Engine:
    options = {"timeout": patience, "check_same_thread": False}
    return create_engine(
        url, connect_args=options, poolclass=QueuePool, pool_size=size, max_overflow=0, pool_timeout=patience
    )


def _on_connect(engine: Engine, pragmas: Sequence[str]) -> None:
    def set_up(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:  # noqa: ARG001
        # The driver's own transactions begin too late, at the first change: a read before it would be outside.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", set_up)


def _on_begin(engine: Engine, statement: str) -> None:
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    event.listen(engine, "begin", begin)
