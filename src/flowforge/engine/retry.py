"""When an attempt that failed is followed by another one."""

from collections.abc import Sequence
from dataclasses import dataclass

from flowforge.model.job_terms import RetryRule
from flowforge.model.status import Cause

MAX_ATTEMPTS = 3
"""For what is nobody's fault in the repository: a machine that vanished, an engine that broke."""
ON_LOSS = RetryRule(limit=MAX_ATTEMPTS - 1, causes=(Cause.LOST,))
ON_BREAKDOWN = RetryRule(limit=MAX_ATTEMPTS - 1, causes=(Cause.INFRASTRUCTURE,))
BUILT_IN = (ON_LOSS, ON_BREAKDOWN)
"""What holds for every job; rules of a job that name one of these causes stand in its place."""

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
GROWTH = 6.0
"""Seconds before a machine that broke is asked again: 5, then 30, then 60. What broke needs time to come back, and must
not be hammered meanwhile. Other causes are tried again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How an earlier attempt of a job ended; `exit_code` is that of the step that failed, where one did."""

    cause: Cause | None
    exit_code: int | None = None


def rules_of(own: Sequence[RetryRule], built_in: Sequence[RetryRule]) -> tuple[RetryRule, ...]:
    named = {cause for rule in own for cause in rule.causes}
    return (*own, *(rule for rule in built_in if named.isdisjoint(rule.causes)))


def may_retry(rules: Sequence[RetryRule], failure: Failure, earlier: Sequence[Failure]) -> bool:
    """Each rule counts the attempts that it covers, so that a lost machine uses up no retry of a failing test."""
    return any(
        _covers(rule, failure) and sum(_covers(rule, before) for before in earlier) < rule.limit
        for rule in rules
    )


def pause(failure: Failure, earlier: Sequence[Failure]) -> float:
    """Seconds to wait before the next attempt."""
    if failure.cause is not Cause.INFRASTRUCTURE:
        return 0.0
    before = sum(each.cause is Cause.INFRASTRUCTURE for each in earlier)
    return min(LONGEST_PAUSE, FIRST_PAUSE * GROWTH ** min(before, 9))


def _covers(rule: RetryRule, failure: Failure) -> bool:
    if failure.cause is Cause.CANCELLED:
        return False
    if rule.causes and failure.cause not in rule.causes:
        return False
    return not rule.exit_codes or (failure.cause is Cause.EXIT and failure.exit_code in rule.exit_codes)
