"""What is tried again, how often, and when a caller is told."""

import random
import time
from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError

from flowforge.adapters.store.faults import Fault, judge, unavailable
from flowforge.adapters.store.outcome import Failed, Outcome, Work
from flowforge.adapters.store.transactor import Transactor, UnknownCommitError
from flowforge.errors import StoreUnavailable

_CLASHES = 5
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class Recovery:
    """`patience` is how many seconds a batch waits for a database that is away."""

    def __init__(self, transactor: Transactor, patience: float) -> None:
        self._transactor = transactor
        self._patience = patience

    def carry_out(self, works: Sequence[Work]) -> list[Outcome]:
        """One outcome for each function, whatever happens to the database."""
        try:
            return self._persist(works)
        except DBAPIError as error:
            if len(works) == 1 or judge(error) is Fault.LOST:
                return [Failed(unavailable(error)) for _ in works]
            return [self._alone(work) for work in works]
        except UnknownCommitError:
            lost = StoreUnavailable("the database went away in the middle of a commit", retry_after=5.0)
            return [Failed(lost) for _ in works]

    def _alone(self, work: Work) -> Outcome:
        """Among others it failed; one of them may be why."""
        return self.carry_out([work])[0]

    def _persist(self, works: Sequence[Work]) -> list[Outcome]:
        deadline = time.monotonic() + self._patience
        pause, clashes = _FIRST_PAUSE, 0
        while True:
            try:
                return self._transactor.commit(works)
            except UnknownCommitError as unknown:
                if self._committed(unknown, deadline):
                    return unknown.outcomes
            except DBAPIError as error:
                fault = judge(error)
                clashes += fault is Fault.CLASH
                again = fault is Fault.LOST or (fault is Fault.CLASH and clashes < _CLASHES)
                if not again or time.monotonic() + pause > deadline:
                    raise
            pause = _sleep(pause)

    def _committed(self, unknown: UnknownCommitError, deadline: float) -> bool:
        """Ask the server what became of the transaction; raise `unknown` when it does not say in time."""
        pause = _FIRST_PAUSE
        while True:
            try:
                fate = self._transactor.fate(unknown.name)
            except DBAPIError as error:
                if judge(error) is not Fault.LOST:
                    raise
                fate = "in progress"
            if fate != "in progress":
                return fate == "committed"
            if time.monotonic() + pause > deadline:
                raise unknown
            pause = _sleep(pause)


def _sleep(pause: float) -> float:
    """Jitter keeps several servers from coming back at the same instant; it is no secret."""
    time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
    return min(pause * 2, _LONGEST_PAUSE)
