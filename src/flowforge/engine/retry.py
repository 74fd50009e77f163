"""When an attempt that failed is followed by another one."""

from flowforge.model.claim import Outcome
from flowforge.model.status import Cause

MAX_ATTEMPTS = 3
"""For what is nobody's fault in the repository: a machine that vanished."""


def may_retry(outcome: Outcome, attempt: int) -> bool:
    return outcome.cause is Cause.LOST and attempt < MAX_ATTEMPTS
