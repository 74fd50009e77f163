"""What a database error means for the work that met it."""

from enum import Enum, auto

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from flowforge.errors import BadInput, Conflict, FlowForgeError, StoreUnavailable

_SERIALIZATION_FAILURE = "40001"
_DEADLOCK = "40P01"
_LOST_CLASSES = ("08", "57P")
"""Connection exceptions; shutdown, crash and start-up of the server."""
_OWN_CLASSES = ("22", "23", "42", "54")
"""Values, constraints, statements, and what does not fit an index."""
_LOST = ("25P03", "55P03", "57014")
"""Idle in a transaction; a lock or a statement that took longer than it may."""
_SQLITE_BUSY = 5
_FULL = ("database or disk is full", "No space left on device")


class Fault(Enum):
    OWN = auto()
    """The function asked for something impossible."""
    CLASH = auto()
    """Another transaction was in the way: the same again may do."""
    LOST = auto()
    """The connection is gone, or the wait for somebody else's locks was as long as it may be: a batch meets it as a
    whole, and its functions one by one would only wait as long again, each."""
    REFUSED = auto()
    """The database cannot, at least now."""


def judge(error: DBAPIError) -> Fault:
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in (_SERIALIZATION_FAILURE, _DEADLOCK):
        return Fault.CLASH
    if error.connection_invalidated or _never_connected(error):
        return Fault.LOST
    if state in _LOST or _is_busy(error) or state.startswith(_LOST_CLASSES):
        return Fault.LOST
    own = isinstance(error, IntegrityError | DataError | ProgrammingError) or state.startswith(_OWN_CLASSES)
    return Fault.OWN if own else Fault.REFUSED


def _is_busy(error: DBAPIError) -> bool:
    code: int = getattr(error.orig, "sqlite_errorcode", 0)
    return code & 0xFF == _SQLITE_BUSY


def _never_connected(error: DBAPIError) -> bool:
    """PostgreSQL's driver gives no state to a connection that could not be made."""
    return error.statement is None and getattr(error.orig, "sqlstate", "") is None


def own_error(error: DBAPIError) -> Exception:
    """For the caller whose function caused it."""
    if isinstance(error, IntegrityError):
        return Conflict(f"the database refuses this: {_sentence(error)}")
    if isinstance(error, ProgrammingError):
        return error
    return BadInput(f"the database cannot hold this: {_sentence(error)}")


def unavailable(error: DBAPIError) -> FlowForgeError:
    """For every caller whose work could not be made durable."""
    sentence = _sentence(error)
    if any(sign in sentence for sign in _FULL):
        return StoreUnavailable(f"the database has no room left: {sentence}", retry_after=60.0)
    return StoreUnavailable(f"the database does not answer: {sentence}", retry_after=5.0)


def _sentence(error: DBAPIError) -> str:
    """The driver's first line; the statement and its values stay out of it."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__
