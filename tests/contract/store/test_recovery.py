"""A database that fails in the middle of things, by a transactor that fails as told."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from flowforge.adapters.store.outcome import Done, Failed, Outcome, Work
from flowforge.adapters.store.recovery import Recovery
from flowforge.adapters.store.transactor import UnknownCommitError
from flowforge.errors import StoreUnavailable


class Trouble(Exception):
    def __init__(self, sentence: str, sqlstate: str = "") -> None:
        super().__init__(sentence)
        self.sqlstate = sqlstate


def locked() -> DBAPIError:
    return OperationalError("SELECT", {}, Trouble("canceling statement due to lock timeout", "55P03"))


def slow() -> DBAPIError:
    return OperationalError("SELECT", {}, Trouble("canceling statement due to statement timeout", "57014"))


def full() -> DBAPIError:
    return OperationalError("INSERT", {}, Trouble("database or disk is full"))


def deadlock() -> DBAPIError:
    return OperationalError("INSERT", {}, Trouble("deadlock detected", "40P01"))


def gone() -> DBAPIError:
    return OperationalError(
        "INSERT", {}, Trouble("server closed the connection"), connection_invalidated=True
    )


class FailingTransactor:
    """Raises the troubles one after the other, then commits. `poison` makes every batch with it fail."""

    def __init__(self, *troubles: Exception, fates: Sequence[str | Exception | None] = ()) -> None:
        self.troubles = list(troubles)
        self.fates = list(fates)
        self.poison: Work | None = None
        self.batches: list[int] = []

    def commit(self, works: Sequence[Work]) -> list[Outcome]:
        self.batches.append(len(works))
        if self.poison in works:
            raise full()
        if self.troubles:
            raise self.troubles.pop(0)
        return [Done(number) for number, _ in enumerate(works)]

    def fate(self, name: str) -> str | None:
        answer = self.fates.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def drop(self) -> None:
        self.batches.append(0)


def works(count: int) -> list[Work]:
    return [lambda tx, n=n: n for n in range(count)]


def carry_out(transactor: FailingTransactor, given: Sequence[Work], patience: float = 30.0) -> list[Outcome]:
    return Recovery(transactor, patience).carry_out(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("trouble", [deadlock, gone])
def test_a_clash_or_a_lost_connection_is_tried_again(trouble) -> None:  # type: ignore[no-untyped-def]
    transactor = FailingTransactor(trouble(), trouble())
    assert carry_out(transactor, works(2)) == [Done(0), Done(1)]
    assert transactor.batches == [2, 2, 2]


def test_those_who_share_a_commit_that_fails_are_tried_singly() -> None:
    given = works(3)
    transactor = FailingTransactor()
    transactor.poison = given[1]
    first, second, third = carry_out(transactor, given)
    assert (first, third) == (Done(0), Done(0))
    assert isinstance(second, Failed)
    assert isinstance(second.error, StoreUnavailable)
    assert second.error.retry_after == 60.0
    assert "no room" in second.error.message
    assert transactor.batches == [3, 1, 1, 1]


@pytest.mark.parametrize("trouble", [gone, locked, slow])
def test_a_database_that_stays_away_is_told_to_all_after_the_patience(
    trouble: Callable[[], DBAPIError],
) -> None:
    transactor = FailingTransactor(*(trouble() for _ in range(99)))
    answers = carry_out(transactor, works(2), patience=0.0)
    assert all(isinstance(a, Failed) and isinstance(a.error, StoreUnavailable) for a in answers)
    assert transactor.batches == [2]


def test_clashes_without_end_are_given_up_singly() -> None:
    transactor = FailingTransactor(*(deadlock() for _ in range(5)))
    assert carry_out(transactor, works(2)) == [Done(0), Done(0)]
    assert transactor.batches == [2, 2, 2, 2, 2, 1, 1]


@pytest.mark.parametrize("before", [[], ["in progress"], [gone(), gone()]])
def test_a_commit_whose_answer_was_lost_is_not_done_twice(before: list[str | Exception]) -> None:
    lost = UnknownCommitError("77", [Done("first time")])
    transactor = FailingTransactor(lost, fates=[*before, "committed"])
    assert carry_out(transactor, works(1)) == [Done("first time")]
    assert transactor.batches == [1]


@pytest.mark.parametrize("fate", ["aborted", None])
def test_a_commit_that_did_not_happen_is_done_again(fate: str | None) -> None:
    transactor = FailingTransactor(UnknownCommitError("77", [Done("first time")]), fates=[fate])
    assert carry_out(transactor, works(1)) == [Done(0)]


def test_a_commit_nobody_can_tell_of_is_an_error_of_its_own() -> None:
    lost = UnknownCommitError("77", [Done("first time")])
    transactor = FailingTransactor(lost, fates=["in progress"] * 9)
    (answer,) = carry_out(transactor, works(1), patience=0.0)
    assert isinstance(answer, Failed)
    assert "middle of a commit" in str(answer.error)


def test_a_commit_refused_for_a_reason_of_its_own_is_reported() -> None:
    refused = IntegrityError("COMMIT", {}, Trouble("violates", "23503"))
    (answer,) = carry_out(FailingTransactor(refused, refused), works(1))
    assert isinstance(answer, Failed)
    assert isinstance(answer.error, StoreUnavailable)
