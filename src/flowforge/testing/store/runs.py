"""Runs and their jobs."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from flowforge.errors import NotFound
from flowforge.model.job_run import JobRun
from flowforge.model.lane import Lane
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.testing.store.tables import Tables, expect_owner


class MemoryRuns:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, runs: Sequence[Run]) -> None:
        for run in runs:
            expect_owner(run.project_id in self._tables.projects, "project", run.project_id)
            self._tables.runs.add(run.id, run)
            self._tables.run_numbers.add((run.project_id, run.number), run.id)

    def get(self, id: int) -> Run | None:
        return self._tables.runs.get(id)

    def hold(self, id: int) -> Run | None:
        run = self.get(id)
        return replace(run, config_text="") if run else None

    def save(self, run: Run) -> None:
        old = self.get(run.id)
        if old is None:
            raise NotFound("run", run.id)
        self._tables.runs.put(run.id, replace(run, config_text=run.config_text or old.config_text))

    def newest(
        self,
        limit: int,
        *,
        after: int | None = None,
        project_id: int | None = None,
        branch: str | None = None,
        status: str | None = None,
    ) -> Sequence[Run]:
        def wanted(run: Run) -> bool:
            return (
                (after is None or run.id < after)
                and project_id in (None, run.project_id)
                and branch in (None, run.trigger.branch)
                and status in (None, run.status)
            )

        rows = sorted((r for r in self._tables.runs if wanted(r)), key=lambda r: -r.id)
        return [replace(r, config_text="") for r in rows[:limit]]

    def unplanned(self, each: int | None = None) -> Mapping[int, str]:
        seen: Counter[int] = Counter()
        found: dict[int, str] = {}
        for run in self._going():
            project = self._tables.projects.get(run.project_id)
            if run.planned_at is None and project and (each is None or seen[run.project_id] < each):
                seen[run.project_id] += 1
                found[run.id] = project.origin
        return found

    def open(self) -> Sequence[int]:
        return [r.id for r in self._going() if r.planned_at is not None]

    def _going(self) -> list[Run]:
        return sorted((r for r in self._tables.runs if not r.status.terminal), key=lambda r: r.id)


class MemoryJobs:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, jobs: Sequence[JobRun]) -> None:
        for job in jobs:
            expect_owner(job.run_id in self._tables.runs, "run", job.run_id)
            self._tables.jobs.add(job.id, job)

    def get(self, id: int) -> JobRun | None:
        return self._tables.jobs.get(id)

    def of(self, run_ids: Collection[int]) -> Sequence[JobRun]:
        rows = [replace(j, order=None) for j in self._tables.jobs if j.run_id in run_ids]
        return sorted(rows, key=lambda j: (j.run_id, j.id))

    def save(self, job: JobRun) -> None:
        old = self.get(job.id)
        if old is None:
            raise NotFound("job", job.id)
        self._tables.jobs.put(job.id, replace(job, order=old.order))

    def ready(self, limit: int, lane: Lane | None = None) -> Sequence[JobRun]:
        rows = [j for j in self._ready() if lane in (None, self._lane(j))]
        oldest = sorted(rows, key=lambda j: (j.ready_at or j.created_at, j.id))[:limit]
        return [replace(job, order=None) for job in oldest]

    def lanes(self) -> Sequence[Lane]:
        return sorted({self._lane(job) for job in self._ready()}, key=Lane.text)

    def running(self) -> Mapping[int, int]:
        live = [a.key.run for a in self._tables.attempts if not a.status.terminal]
        return Counter(run.project_id for key in live if (run := self._tables.runs.get(key)))

    def _ready(self) -> list[JobRun]:
        return [j for j in self._tables.jobs if j.ready and j.status is Status.PENDING]

    def _lane(self, job: JobRun) -> Lane:
        run = self._tables.runs.get(job.run_id)
        assert run is not None  # noqa: S101  it was there when the job came
        return Lane.of(run.project_id, job.terms.labels, trusted=run.trigger.trusted)
