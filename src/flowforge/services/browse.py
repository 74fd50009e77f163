"""What people look at: runs, jobs, steps, projects. Reads only."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from flowforge.errors import NotFound
from flowforge.model.attempt import AttemptKey
from flowforge.model.job_run import JobRun
from flowforge.model.project import Project
from flowforge.model.run import Run
from flowforge.model.step_run import StepRun
from flowforge.ports import Store, Tx

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    job: JobRun
    steps: tuple[StepRun, ...] = ()

    @property
    def log(self) -> AttemptKey | None:
        """The newest attempt's, None before the first."""
        if not self.job.attempt:
            return None
        return AttemptKey(run=self.job.run_id, job=self.job.id, number=self.job.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """`jobs` is None where they were not asked for."""

    run: Run
    project: Project
    jobs: tuple[JobView, ...] | None = None


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

    async def runs(
        self, limit: int, after: int | None = None, where: RunFilter | None = None
    ) -> Page[RunView]:
        return await self.store.read(lambda tx: newest_runs(tx, limit, after, where or RunFilter()))

    async def run(self, run_id: int) -> RunView:
        return await self.store.read(lambda tx: run_view(tx, run_id))

    async def job(self, run_id: int, job: str) -> JobView:
        """By the job's id or key. NotFound where the run has no such job."""
        return await self.store.read(lambda tx: job_view(tx, run_id, job))

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
        items=tuple(RunView(run=run, project=projects[run.project_id]) for run in shown),
        after=shown[-1].id if len(runs) > limit else None,
    )


def run_view(tx: Tx, run_id: int) -> RunView:
    run = tx.runs.get(run_id)
    if run is None:
        raise NotFound("run", run_id)
    jobs = tx.jobs.of((run_id,))
    return RunView(
        run=run, project=_projects(tx, {run.project_id})[run.project_id], jobs=_with_steps(tx, jobs)
    )


def job_view(tx: Tx, run_id: int, name: str) -> JobView:
    if tx.runs.get(run_id) is None:
        raise NotFound("run", run_id)
    jobs = tx.jobs.of((run_id,))
    named = next((job for job in jobs if name in (str(job.id), job.key)), None)
    if named is None:
        raise NotFound(f"job in run {run_id}:", name)
    return _with_steps(tx, [named])[0]


def _with_steps(tx: Tx, jobs: Sequence[JobRun]) -> tuple[JobView, ...]:
    views = [JobView(job=job) for job in jobs]
    steps: dict[AttemptKey, list[StepRun]] = defaultdict(list)
    for step in tx.steps.of([view.log for view in views if view.log]):
        steps[step.attempt].append(step)
    return tuple(JobView(job=view.job, steps=tuple(steps[view.log]) if view.log else ()) for view in views)


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
