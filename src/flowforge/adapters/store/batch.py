"""Many functions in one transaction.

The common case pays for no savepoint: a function that raises before it changed anything leaves nothing to undo. Where
one did change something the transaction is rolled back and the batch run again with a savepoint around each, which costs
twice the work and is rare. Functions given to `write` may be run more than once, so this is allowed."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from flowforge.adapters.store.counters import Counters
from flowforge.adapters.store.events import insert_waiting
from flowforge.adapters.store.faults import Fault, judge, own_error
from flowforge.adapters.store.outcome import Done, Failed, Outcome, Work
from flowforge.adapters.store.session import Session
from flowforge.adapters.store.tx import SqlTx


class SpoiledError(Exception):
    """A function failed with `error` after it had changed something, and others may share its transaction."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Batch:
    """`name` is the transaction's where the server has names for them. Good for one transaction, which the caller
    begins, and commits or rolls back. Raises the database's own error where it is not the fault of the function."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._counters = Counters(connection)
        self._session = Session(connection, self._counters)
        self._tx = SqlTx(self._session)
        self.name = self._counters.transaction

    def run_together(self, works: Sequence[Work]) -> list[Outcome]:
        """Raises `SpoiledError` when this transaction must not be committed."""
        return self._run(works, self._lightly)

    def run_apart(self, works: Sequence[Work]) -> list[Outcome]:
        return self._run(works, self._in_savepoint)

    def _run(self, works: Sequence[Work], one: Callable[[Work], Outcome]) -> list[Outcome]:
        outcomes = [one(work) for work in works]
        insert_waiting(self._session)
        self._counters.write()
        self._session.open = False
        return outcomes

    def _in_savepoint(self, work: Work) -> Outcome:
        insert_waiting(self._session)
        savepoint = self._connection.begin_nested()
        try:
            outcome = self._lightly(work)
        except SpoiledError as spoiled:
            savepoint.rollback()
            self._session.known.clear()
            return Failed(spoiled.error)
        insert_waiting(self._session)
        savepoint.commit()
        return outcome

    def _lightly(self, work: Work) -> Outcome:
        session = self._session
        counted, waiting = dict(self._counters.last), len(session.events)
        session.touched, session.fault = False, None
        try:
            outcome: Outcome = Done(work(self._tx))
        except Exception as error:  # noqa: BLE001 — it is handed to the caller of `write`
            outcome = Failed(error)
        if session.fault is not None:
            outcome = Failed(_raise_unless_own(session.fault, outcome))
        if isinstance(outcome, Failed):
            self._counters.last = counted
            del session.events[waiting:]
            if session.touched:
                raise SpoiledError(outcome.error)
        return outcome


def _raise_unless_own(fault: DBAPIError, outcome: Outcome) -> Exception:
    """A function cannot go on after its statement failed, whatever it made of the error."""
    if judge(fault) is not Fault.OWN:
        raise fault
    given = outcome.error if isinstance(outcome, Failed) else fault
    return own_error(fault) if isinstance(given, DBAPIError) else given
