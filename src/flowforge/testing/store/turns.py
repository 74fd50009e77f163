"""Groups of runs and of jobs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from flowforge.model.job_run import JobRun
from flowforge.model.run import Gate, Run
from flowforge.model.status import Status
from flowforge.testing.store.tables import Tables


class MemoryTurns:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def runs(self, project_id: int, group: str) -> Sequence[Run]:
        rows = [run for run in self._of(project_id, group) if not run.status.terminal]
        return [replace(run, config_text="") for run in sorted(rows, key=lambda run: run.id)]

    def newest_run(self, project_id: int, group: str) -> int:
        rows = self._of(project_id, group)
        return max((run.id for run in rows if run.status is not Status.SKIPPED), default=0)

    def jobs(self, organisation_id: int, serial_group: str) -> Sequence[JobRun]:
        going = {
            job.run_id
            for job in self._tables.jobs
            if job.terms.serial_group == serial_group and job.terms.serial_unit and not job.status.terminal
        }
        rows = [
            job
            for job in self._tables.jobs
            if job.terms.serial_group == serial_group != ""
            and self._organisation(job) == organisation_id
            and (_stands(job) or (job.terms.serial_unit and job.run_id in going))
        ]
        return _in_line(rows)

    def due(self, now: datetime, limit: int) -> Sequence[JobRun]:
        rows = [
            job
            for job in self._tables.jobs
            if job.status is Status.PENDING and job.attempt and not job.ready
            if job.ready_at and job.ready_at <= now
        ]
        return _in_line(rows)[:limit]

    def _of(self, project_id: int, group: str) -> list[Run]:
        return [
            run
            for run in self._tables.runs
            if (run.project_id, run.group) == (project_id, group or None)
            and run.planned_at is not None
            and run.gate is not Gate.APPROVAL
        ]

    def _organisation(self, job: JobRun) -> int:
        run = self._tables.runs.get(job.run_id)
        return run.organisation_id if run else 0


def _stands(job: JobRun) -> bool:
    return not job.status.terminal and job.ready_at is not None


def _in_line(rows: Sequence[JobRun]) -> list[JobRun]:
    listed = sorted(rows, key=lambda job: (job.ready_at or job.created_at, job.id))
    return [replace(job, order=None) for job in listed]
