"""What a job makes of the ends of those it needs."""

from collections.abc import Sequence

from flowforge.engine.state import JobState, Phase
from flowforge.model.status import Status

SUCCESS = (Status.SUCCESS,)


def first_broken(job: JobState, needs: Sequence[JobState]) -> JobState | None:
    """The first of its needs that is over with a status that the job does not accept."""
    return next((need for need in needs if need.phase is Phase.OVER and not _satisfies(need, job)), None)


def is_spared(job: JobState) -> bool:
    """Whether fail-fast leaves the job its chance: one that asks for another end than success of a need is there for
    just that. One that was tried already goes on to its end."""
    asks = any(set(accepted) != set(SUCCESS) for accepted in job.terms.accepts.values())
    return asks or job.attempt > 0


def _satisfies(need: JobState, job: JobState) -> bool:
    accepted = job.terms.accepts.get(need.key, SUCCESS)
    if need.status in accepted:
        return True
    return need.status is Status.FAILURE and need.terms.allow_failure and Status.SUCCESS in accepted
