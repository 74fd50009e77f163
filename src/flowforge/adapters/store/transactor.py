"""Batches made durable on the one connection that writes."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from flowforge.adapters.store.batch import Batch, SpoiledError
from flowforge.adapters.store.outcome import Failed, Outcome, Work

_FATE = text("SELECT pg_xact_status(CAST(CAST(:name AS TEXT) AS xid8))")


class UnknownCommitError(Exception):
    """The answer to a commit was lost. `name` asks for the truth later; `outcomes` hold if it did commit."""

    def __init__(self, name: str, outcomes: list[Outcome]) -> None:
        super().__init__(name)
        self.name = name
        self.outcomes = outcomes


class Transactor:
    """For one thread. After any error the connection is dropped, and the next call makes a new one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def commit(self, works: Sequence[Work]) -> list[Outcome]:
        """Everything is durable when this returns. Raises the database's error, or `UnknownCommitError`."""
        try:
            return self._transact(works, Batch.run_together)
        except SpoiledError as spoiled:
            if len(works) == 1:
                return [Failed(spoiled.error)]
            return self._transact(works, Batch.run_apart)

    def fate(self, name: str) -> str | None:
        """`committed`, `aborted`, `in progress`, or None when the server has forgotten."""
        with self._engine.connect() as connection:
            answer: str | None = connection.execute(_FATE, {"name": name}).scalar()
            return answer

    def drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError):  # it may be broken, which is why it goes
                connection.invalidate()
                connection.close()

    def _transact(
        self, works: Sequence[Work], run: Callable[[Batch, Sequence[Work]], list[Outcome]]
    ) -> list[Outcome]:
        connection = self._connection = self._connection or self._engine.connect()
        try:
            with connection.begin() as transaction:
                batch = Batch(connection)
                outcomes = run(batch, works)
                try:
                    transaction.commit()
                except DBAPIError as error:
                    if batch.name and error.connection_invalidated:
                        raise UnknownCommitError(batch.name, outcomes) from error
                    raise
        except SpoiledError:
            raise
        except BaseException:
            self.drop()
            raise
        return outcomes
