"""From an accepted run to jobs that wait for a runner: fetch, read the config, plan."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from flowforge.dialects.registry import CONFIG_PATHS, LATER_FOLDERS, LATER_PATHS, dialect_of
from flowforge.engine.plan import Occasion, plan
from flowforge.engine.state import Planned, Rejected
from flowforge.errors import BadInput, Bug, FlowForgeError, NotFound, TooLarge, Upstream
from flowforge.model.event import EventKind
from flowforge.model.job_run import JobRun
from flowforge.model.pipeline_config import PipelineConfig
from flowforge.model.plan import Plan
from flowforge.model.problem import Problem
from flowforge.model.project import Pipeline, Project
from flowforge.model.run import Run
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.ports import Bell, Clock, Mirrors, Store, Tx
from flowforge.services.links import Links
from flowforge.services.progress import RUNS, Moved, move_run, run_event

log = structlog.get_logger()

AT_ONCE = 4
"""Runs prepared side by side: enough to hide one slow forge, few enough to leave the machine to the jobs."""
LOOK_AGAIN = 30.0
"""Seconds after which accepted runs are looked for without being told."""
SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A pipeline's file as it was read."""

    path: str
    text: str
    pipeline: PipelineConfig


class Unplannable(FlowForgeError):
    """Nothing can be run; `cause` says whose doing it is."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Preparer:
    store: Store
    mirrors: Mirrors
    bell: Bell
    clock: Clock
    links: Links

    async def serve(self) -> None:
        """Prepare every run that was accepted, also those of an earlier life, until cancelled."""
        slots, busy = asyncio.Semaphore(AT_ONCE), set[int]()
        rung = self.bell.listen(RUNS)
        async with asyncio.TaskGroup() as tasks:
            while True:
                for run_id in await self._unplanned():
                    if run_id not in busy:
                        await slots.acquire()
                        busy.add(run_id)
                        tasks.create_task(self._one(run_id, busy, slots))
                await rung.wait(LOOK_AGAIN)

    async def _unplanned(self) -> Sequence[int]:
        try:
            return await self.store.read(lambda tx: tx.runs.unplanned())
        except FlowForgeError as error:
            log.warning("accepted runs cannot be looked for, will be tried again", error=error.message)
            return ()

    async def _one(self, run_id: int, busy: set[int], slots: asyncio.Semaphore) -> None:
        """Whatever becomes of this run, the others go on."""
        try:
            await self._prepare_or_reject(run_id)
        except FlowForgeError as error:
            log.warning("run not prepared, will be tried again", run=run_id, error=error.message)
        except Exception:
            log.exception("run not prepared, will be tried again", run=run_id)
        finally:
            busy.discard(run_id)
            slots.release()

    async def _prepare_or_reject(self, run_id: int) -> None:
        try:
            await self.prepare(run_id)
        except Exception as error:
            if isinstance(error, FlowForgeError) and not isinstance(error, Bug):
                raise
            log.exception("a run broke its preparation", run=run_id)
            reason = "unexpected error; the server's log says more"
            await self._reject(run_id, Unplannable(Cause.INFRASTRUCTURE, reason))

    async def prepare(self, run_id: int) -> None:
        """Idempotent: a run that has its plan, or is over, stays as it is."""
        run, project = await self.store.read(lambda tx: _run_and_project(tx, run_id))
        if run is None or project is None or run.planned_at or run.status.terminal:
            return
        now = self.clock.now
        try:
            source = await self._fetch(run, project)
            config = await self._config(source)
        except Unplannable as error:
            await self._reject(run_id, error)
        else:
            planned = plan(config.pipeline, self._occasion(run, source))
            moved = await self.store.write(lambda tx: save_plan(tx, run_id, source, config, planned, now()))
            moved.ring(self.bell)

    async def _reject(self, run_id: int, error: Unplannable) -> None:
        now = self.clock.now()
        rejected = Rejected(cause=error.cause, reason=error.message)
        moved = await self.store.write(lambda tx: move_run(tx, run_id, rejected, now))
        moved.ring(self.bell)

    def _occasion(self, run: Run, source: Source) -> Occasion:
        trigger = replace(run.trigger, commit=source.commit)
        return Occasion(
            run_id=run.id, number=run.number, trigger=trigger, source=source, run_url=self.links.run(run.id)
        )

    async def _fetch(self, run: Run, project: Project) -> Source:
        trigger = run.trigger
        try:
            commit = await self.mirrors.fetch(project.clone_url, trigger.commit, trigger.ref)
        except (Upstream, BadInput) as error:
            raise Unplannable(
                Cause.INFRASTRUCTURE, f"the repository cannot be cloned: {error.message}"
            ) from error
        return Source(origin=project.clone_url, commit=commit, ref=trigger.ref)

    async def _config(self, source: Source) -> Config:
        for path in CONFIG_PATHS:
            content = await self._read(source, path)
            if content is not None:
                return parsed(path, content)
        raise Unplannable(Cause.CONFIG, await self._what_is_missing(source))

    async def _read(self, source: Source, path: str) -> bytes | None:
        try:
            return await self.mirrors.read(source.origin, source.commit, path)
        except BadInput as error:
            raise Unplannable(Cause.CONFIG, f"{path}: {error.message}") from error

    async def _has_files(self, source: Source, folder: str) -> bool:
        try:
            return bool(await self.mirrors.list(source.origin, source.commit, folder))
        except TooLarge:
            return True

    async def _what_is_missing(self, source: Source) -> str:
        wanted = f"there is no {CONFIG_PATHS[0]} at commit {source.commit[:12]}"
        for path in LATER_PATHS:
            if await self._read(source, path) is not None:
                return f"{wanted}; {path} is there, but its dialect cannot be run yet"
        for folder in LATER_FOLDERS:
            if await self._has_files(source, folder):
                return f"{wanted}; {folder} is there, but its dialect cannot be run yet"
        return f"{wanted}: add one that names at least one job"


def parsed(path: str, content: bytes) -> Config:
    text = content.decode("utf-8", errors="surrogateescape")
    outcome = dialect_of(path).parse(text, path)
    if outcome.pipeline is None:
        raise Unplannable(Cause.CONFIG, _listed(outcome.errors))
    return Config(path=path, text=text, pipeline=outcome.pipeline)


def _listed(problems: tuple[Problem, ...]) -> str:
    lines = [str(problem) for problem in problems[:SHOWN_PROBLEMS]]
    if len(problems) > SHOWN_PROBLEMS:
        lines.append(f"… and {len(problems) - SHOWN_PROBLEMS} more")
    return "\n".join(lines)


def _run_and_project(tx: Tx, run_id: int) -> tuple[Run | None, Project | None]:
    run = tx.runs.get(run_id)
    return run, tx.projects.get(run.project_id) if run else None


def save_plan(tx: Tx, run_id: int, source: Source, config: Config, planned: Plan, now: datetime) -> Moved:
    """Keep the plan unless another server, or a cancel, was faster."""
    run = tx.runs.hold(run_id)
    if run is None:
        raise NotFound("run", run_id)
    if run.planned_at or run.status.terminal:
        return Moved(run=run)
    run = replace(
        run,
        pipeline_id=known_pipeline(tx, run, config, now).id,
        trigger=replace(run.trigger, commit=source.commit),
        on_failure=planned.on_failure,
        config_path=config.path,
        config_text=config.text,
        config_digest="sha256:" + hashlib.sha256(config.text.encode()).hexdigest(),
    )
    tx.runs.save(run)
    tx.jobs.add(_jobs(tx, run, planned, now))
    tx.events.append([run_event(EventKind.RUN_PLANNED, run, Status.PENDING, now)])
    return move_run(tx, run_id, Planned(), now)


def known_pipeline(tx: Tx, run: Run, config: Config, now: datetime) -> Pipeline:
    found = tx.pipelines.find(run.project_id, run.provider, config.path)
    if found and found.name == config.pipeline.name:
        return found
    pipeline = Pipeline(
        id=found.id if found else tx.take_ids("pipelines")[0],
        organisation_id=run.organisation_id,
        project_id=run.project_id,
        provider=run.provider,
        path=config.path,
        name=config.pipeline.name,
        created_at=found.created_at if found else now,
    )
    tx.pipelines.save(pipeline)
    return pipeline


def _jobs(tx: Tx, run: Run, planned: Plan, now: datetime) -> list[JobRun]:
    ids = tx.take_ids("jobs", len(planned.jobs))
    return [
        JobRun(
            id=job_id,
            run_id=run.id,
            key=job.order.key,
            name=job.order.name,
            needs=job.needs,
            order=job.order,
            image=job.order.image,
            created_at=now,
        )
        for job_id, job in zip(ids, planned.jobs, strict=True)
    ]
