"""The jobs of a run that bear on one of them."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from flowforge.model.job_run import JobRun, Standing
from flowforge.model.status import Status
from flowforge.testing.store.tables import Tables


class MemoryNeighbours:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def job(self, run_id: int, key: str) -> JobRun | None:
        return next((job for job in self._of(run_id) if job.key == key), None)

    def blocked_by(self, run_id: int, key: str) -> Sequence[JobRun]:
        blocked = Standing(Status.PENDING, ready=False, stopping=False, met=False)
        return [job for job in self._of(run_id) if key in job.needs and job.standing == blocked]

    def open(self, run_id: int) -> Collection[str]:
        return {job.key for job in self._of(run_id) if not job.status.terminal}

    def standings(self, run_id: int, key: str) -> Collection[Standing]:
        rows = [job for job in self._of(run_id) if job.key != key and not job.status.terminal]
        return {job.standing for job in rows}

    def _of(self, run_id: int) -> list[JobRun]:
        rows = [replace(job, order=None) for job in self._tables.jobs if job.run_id == run_id]
        return sorted(rows, key=lambda job: job.id)
