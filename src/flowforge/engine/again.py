"""Which jobs of a run that is over run again."""

from collections.abc import Container, Mapping

from flowforge.engine.needs import first_broken
from flowforge.engine.state import JobState
from flowforge.model.status import Cause, Status


def failed_again(jobs: Mapping[str, JobState]) -> frozenset[str]:
    """What failed, what was skipped for it, and what made anything of those ends; empty where nothing failed. `jobs`
    stand in plan order."""
    if not any(job.status in (Status.FAILURE, Status.CANCELLED) for job in jobs.values()):
        return frozenset()
    units: frozenset[str] = frozenset()
    while True:
        chosen = _chosen(jobs, units)
        wanted = frozenset(jobs[key].terms.serial_unit for key in chosen) - {""}
        if wanted == units:
            return chosen
        units = wanted


def _chosen(jobs: Mapping[str, JobState], units: Container[str]) -> frozenset[str]:
    """With every job of `units`: what goes on together goes on together again."""
    chosen: set[str] = set()
    for key, job in jobs.items():
        if job.cause is Cause.FILTER:
            continue
        again = job.status is not Status.SUCCESS or job.terms.serial_unit in units
        if again or not chosen.isdisjoint(job.needs):
            chosen.add(key)
    return frozenset(chosen)


def why_not_again(job: JobState, jobs: Mapping[str, JobState]) -> str:
    """Why this one job cannot run again by itself; empty where it can."""
    if job.terms.skip:
        return job.terms.skip
    broken = first_broken(job, [jobs[key] for key in job.needs])
    return f'it needs "{broken.key}", which ended as {broken.status}: re-run that first' if broken else ""
