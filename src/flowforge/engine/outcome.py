"""How an attempt ended, from how its steps did."""

from collections.abc import Sequence

from flowforge.model.claim import Outcome
from flowforge.model.exit import Exit
from flowforge.model.status import Cause, Status


def outcome(steps: Sequence[tuple[str, Exit]]) -> Outcome:
    """The first step that did not succeed decides; a step that its condition skipped decides nothing."""
    for name, ended in steps:
        if ended.status in (Status.FAILURE, Status.CANCELLED):
            return Outcome(status=ended.status, cause=ended.cause, reason=_sentence(name, ended))
    return Outcome(status=Status.SUCCESS)


def _sentence(name: str, ended: Exit) -> str:
    if ended.reason:
        return ended.reason
    if ended.cause is Cause.EXIT:
        return f'step "{name}" ended with exit code {ended.code}'
    return f'step "{name}": {ended.cause or ended.status}'
