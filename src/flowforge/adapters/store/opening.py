"""Opening a database: found or made, brought to the schema of this FlowForge, then handed over as a store."""

import time
from collections.abc import Callable

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from flowforge.adapters.store import postgres, sqlite
from flowforge.adapters.store.faults import Fault, judge, unavailable
from flowforge.adapters.store.line import Line
from flowforge.adapters.store.readers import Readers
from flowforge.adapters.store.recovery import Recovery
from flowforge.adapters.store.schema import is_up_to_date, migrate
from flowforge.adapters.store.store import SqlStore
from flowforge.adapters.store.transactor import Transactor
from flowforge.adapters.store.writer import Writer
from flowforge.errors import BadInput

_PAUSE = 0.2


def open_store(url: str, *, patience: float = 8.0, readers: int = 4) -> SqlStore:
    """`sqlite:///path` (its folder is made) or `postgresql://…`. Blocks; call it before the event loop runs, or in a
    thread. `patience` is how many seconds a call waits for a database that is away or locked before it fails with
    `StoreUnavailable`: less than a forge waits for the answer to a webhook. Raises `BadInput` for a URL that is none,
    `Conflict` when another server has the SQLite file or a newer FlowForge wrote the database."""
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        return _open_sqlite(address, patience, readers)
    return _open_postgres(address, patience, readers)


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise BadInput("this is not a database URL", field="url") from error
    if address.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise BadInput("a database is sqlite:///path or postgresql://…", field="url")
    return address


def _open_sqlite(url: URL, patience: float, readers: int) -> SqlStore:
    path = sqlite.database_path(url)
    lock = sqlite.FileLock(path)
    url = url.set(database=str(path))
    writing = sqlite.writing_engine(url, patience)
    try:
        _prepare(writing, lambda: sqlite.migrating_engine(url, patience), patience)
    except BaseException:
        writing.dispose()
        lock.release()
        raise
    return _store(writing, sqlite.reading_engine(url, patience, readers), patience, readers, lock.release)


def _open_postgres(url: URL, patience: float, readers: int) -> SqlStore:
    url = url.set(drivername="postgresql+psycopg")
    writing = postgres.writing_engine(url, patience)
    try:
        _prepare(writing, lambda: postgres.migrating_engine(url), patience)
    except BaseException:
        writing.dispose()
        raise
    return _store(writing, postgres.reading_engine(url, patience, readers), patience, readers, lambda: None)


def _store(
    writing: Engine, reading: Engine, patience: float, readers: int, release: Callable[[], None]
) -> SqlStore:
    transactor = Transactor(writing)

    def let_go() -> None:
        transactor.drop()
        writing.dispose()
        release()

    writer = Writer(Line(), Recovery(transactor, patience))
    return SqlStore(writer, Readers(reading, threads=readers, patience=patience), let_go)


def _migrate(engine: Engine) -> None:
    try:
        migrate(engine)
    finally:
        engine.dispose()


def _prepare(writing: Engine, migrating: Callable[[], Engine], patience: float) -> None:
    """A database that starts at the same time as the server is waited for."""
    deadline = time.monotonic() + patience
    while True:
        try:
            if not is_up_to_date(writing):
                _migrate(migrating())
        except DBAPIError as error:
            if judge(error) is not Fault.LOST or time.monotonic() + _PAUSE > deadline:
                raise unavailable(error) from error
        else:
            return
        time.sleep(_PAUSE)
