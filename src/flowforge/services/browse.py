"""What people look at: runs, jobs, steps, projects. Reads only."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from flowforge.engine.why import Surroundings, why, why_run
from flowforge.errors import NotFound
from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.job_run import JobRun
from flowforge.model.project import Project
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.model.step_run import StepRun
from flowforge.ports import Clock, Store, Tx
from flowforge.services.surroundings import surroundings

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """`attempts` and `steps` of a job that was kept are those of the job it stands for, in an earlier run. `reason` says
    why the job stands where it stands."""

    job: JobRun
    steps: tuple[StepRun, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    reason: str = ""

    @property
    def log(self) -> AttemptKey | None:
        """The newest attempt's, None before the first."""
        return log_of(self.job, self.attempts)

    @property
    def allowed_failure(self) -> bool:
        return self.job.status is Status.FAILURE and self.job.terms.allow_failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """`jobs` is None where they were not asked for."""

    run: Run
    project: Project
    jobs: tuple[JobView, ...] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    project_id: int | None = None
    branch: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """`after` is what the next page begins behind; None on the last."""

    items: tuple[T, ...]
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """`runs` are the newest ones, newest first."""

    project: Project
    runs: tuple[Run, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Browse:
    store: Store
    clock: Clock

    async def runs(
        self, limit: int, after: int | None = None, where: RunFilter | None = None
    ) -> Page[RunView]:
        return await self.store.read(lambda tx: newest_runs(tx, limit, after, where or RunFilter()))

    async def run(self, run_id: int) -> RunView:
        now = self.clock.now()
        return await self.store.read(lambda tx: run_view(tx, run_id, now))

    async def job(self, run_id: int, job: str) -> JobView:
        """By the job's id or key. NotFound where the run has no such job."""
        now = self.clock.now()
        return await self.store.read(lambda tx: job_view(tx, run_id, job, now))

    async def projects(self, limit: int, after: int | None = None, runs: int = 20) -> Page[ProjectView]:
        return await self.store.read(lambda tx: project_views(tx, limit, after, runs))

    async def project(self, name: str) -> Project:
        """By its present or a former name. NotFound where there is none."""
        named = await self.store.read(lambda tx: tx.projects.named(name))
        if not named:
            raise NotFound("project", name)
        return named[0]


def newest_runs(tx: Tx, limit: int, after: int | None, where: RunFilter) -> Page[RunView]:
    runs = tx.runs.newest(
        limit + 1, after=after, project_id=where.project_id, branch=where.branch, status=where.status
    )
    shown = runs[:limit]
    projects = _projects(tx, {run.project_id for run in shown})
    return Page(
        items=tuple(RunView(run=run, project=projects[run.project_id], reason=run.reason) for run in shown),
        after=shown[-1].id if len(runs) > limit else None,
    )


def run_view(tx: Tx, run_id: int, now: datetime) -> RunView:
    run = tx.runs.get(run_id)
    if run is None:
        raise NotFound("run", run_id)
    jobs = tx.jobs.of((run_id,))
    around = surroundings(tx, run, jobs, now)
    return RunView(
        run=run,
        project=_projects(tx, {run.project_id})[run.project_id],
        jobs=_views(tx, jobs, around),
        reason=why_run(around),
    )


def job_view(tx: Tx, run_id: int, name: str, now: datetime) -> JobView:
    run = tx.runs.get(run_id)
    if run is None:
        raise NotFound("run", run_id)
    jobs = tx.jobs.of((run_id,))
    named = next((job for job in jobs if name in (str(job.id), job.key)), None)
    if named is None:
        raise NotFound(f"job in run {run_id}:", name)
    return _views(tx, [named], surroundings(tx, run, jobs, now))[0]


def log_of(job: JobRun, attempts: Sequence[Attempt]) -> AttemptKey | None:
    if job.kept_from is not None:
        return attempts[-1].key if attempts else None
    return AttemptKey(run=job.run_id, job=job.id, number=job.attempt) if job.attempt else None


def _views(tx: Tx, jobs: Sequence[JobRun], around: Surroundings) -> tuple[JobView, ...]:
    tried = [job.kept_from or job.id for job in jobs if job.attempt or job.kept_from]
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in tx.attempts.of(*tried) if tried else ():
        attempts[attempt.key.job].append(attempt)
    logs = {job.id: log_of(job, attempts[job.kept_from or job.id]) for job in jobs}
    steps: dict[AttemptKey | None, list[StepRun]] = defaultdict(list)
    for step in tx.steps.of([key for key in logs.values() if key]):
        steps[step.attempt].append(step)
    return tuple(
        JobView(
            job=job,
            steps=tuple(steps[logs[job.id]]) if logs[job.id] else (),
            attempts=tuple(attempts[job.kept_from or job.id]),
            reason=why(job, around),
        )
        for job in jobs
    )


def project_views(tx: Tx, limit: int, after: int | None, runs: int) -> Page[ProjectView]:
    found = tx.projects.newest(limit + 1, after=after)
    shown = found[:limit]
    return Page(
        items=tuple(
            ProjectView(project=project, runs=tuple(tx.runs.newest(runs, project_id=project.id)))
            for project in shown
        ),
        after=shown[-1].id if len(found) > limit else None,
    )


def _projects(tx: Tx, ids: Collection[int]) -> Mapping[int, Project]:
    found = [tx.projects.get(project_id) for project_id in ids]
    return {project.id: project for project in found if project}
