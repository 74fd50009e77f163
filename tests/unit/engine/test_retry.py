"""Which failure is followed by another attempt, and after how long."""

import pytest

from flowforge.engine.retry import BUILT_IN, LONGEST_PAUSE, Failure, may_retry, pause, rules_of
from flowforge.model.job_terms import RetryRule
from flowforge.model.status import Cause


def failures(*causes: Cause) -> tuple[Failure, ...]:
    return tuple(Failure(cause=cause) for cause in causes)


def test_a_machine_that_vanished_is_nobodys_fault_twice() -> None:
    (lost,) = failures(Cause.LOST)
    assert may_retry(BUILT_IN, lost, ())
    assert may_retry(BUILT_IN, lost, failures(Cause.LOST))
    assert not may_retry(BUILT_IN, lost, failures(Cause.LOST, Cause.LOST))


def test_a_failing_test_is_not_tried_again_unless_a_rule_says_so() -> None:
    (failed,) = failures(Cause.EXIT)
    assert not may_retry(BUILT_IN, failed, ())
    assert may_retry((RetryRule(limit=1),), failed, ())
    assert not may_retry((RetryRule(limit=1),), failed, failures(Cause.EXIT))


def test_a_lost_machine_uses_up_no_retry_of_a_failing_test() -> None:
    rules = rules_of((RetryRule(limit=1, causes=(Cause.EXIT,)),), BUILT_IN)
    assert may_retry(rules, Failure(cause=Cause.EXIT), failures(Cause.LOST, Cause.LOST))


@pytest.mark.parametrize(("code", "again"), [(75, True), (1, False), (None, False)])
def test_a_rule_may_name_exit_codes(code: int | None, again: bool) -> None:
    rules = (RetryRule(limit=1, exit_codes=(75,)),)
    assert may_retry(rules, Failure(cause=Cause.EXIT, exit_code=code), ()) is again
    assert not may_retry(rules, Failure(cause=Cause.TIMEOUT, exit_code=75), ())


def test_nothing_follows_a_cancel() -> None:
    assert not may_retry((RetryRule(limit=9),), Failure(cause=Cause.CANCELLED), ())


def test_a_rule_of_the_job_stands_in_place_of_the_built_in_one_for_its_cause() -> None:
    never = RetryRule(limit=0, causes=(Cause.INFRASTRUCTURE,))
    rules = rules_of((never,), BUILT_IN)
    assert not may_retry(rules, Failure(cause=Cause.INFRASTRUCTURE), ())
    assert may_retry(rules, Failure(cause=Cause.LOST), ())


def test_what_broke_is_given_time_and_more_each_time() -> None:
    (broken,) = failures(Cause.INFRASTRUCTURE)
    assert pause(broken, ()) == 5
    assert pause(broken, failures(Cause.INFRASTRUCTURE, Cause.LOST)) == 30
    assert pause(broken, (broken,) * 50) == LONGEST_PAUSE


@pytest.mark.parametrize("cause", [Cause.LOST, Cause.EXIT, Cause.TIMEOUT, Cause.OOM])
def test_other_causes_are_tried_again_at_once(cause: Cause) -> None:
    assert pause(Failure(cause=cause), ()) == 0
