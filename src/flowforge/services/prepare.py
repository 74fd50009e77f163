"""From an accepted run to jobs that wait for a runner: fetch, read the config, plan."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import structlog

from flowforge.dialects.registry import CONFIG_PATHS, LATER_FOLDERS, LATER_PATHS, dialect_of
from flowforge.engine.approvals import why_held
from flowforge.engine.inputs import typed_inputs, wrong_inputs
from flowforge.engine.plan import Occasion, left_out, plan
from flowforge.engine.state import LeftOut, Planned, Rejected
from flowforge.errors import BadInput, Bug, FlowForgeError, NotFound, StoreUnavailable, TooLarge, Upstream
from flowforge.forges.source_url import source_url
from flowforge.model.event import EventKind
from flowforge.model.inputs import NOTHING_GIVEN, Given, Home
from flowforge.model.job_run import JobRun
from flowforge.model.pipeline_config import PipelineConfig
from flowforge.model.plan import Plan
from flowforge.model.problem import Problem
from flowforge.model.project import Pipeline, Project
from flowforge.model.run import Run
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.model.trigger import Trigger, TriggerEvent
from flowforge.ports import Bell, Clock, Mirrors, Store, Tx
from flowforge.services.autostart import TIMERS, remember
from flowforge.services.links import Links
from flowforge.services.progress import EVENTS, RUNS, TIDINGS, Moved, move_run, run_event
from flowforge.services.second_tries import SecondTries
from flowforge.services.start import BY_HAND, default_ref

log = structlog.get_logger()

AT_ONCE = 7
"""Runs prepared side by side: few enough to leave the machine, and some of the git processes, to others."""
AT_ONE_PLACE = 3
"""Of those, runs of one forge: two that hang hold up themselves alone."""
LISTED = 20
"""Runs of one project that are looked at together."""
LOOK_AGAIN = 30.0
"""Seconds after which accepted runs are looked for without being told."""
BREATHS, LONGEST_BREATH = 9, 0.5
"""Every webhook asks for a look, and one costs more the more runs wait: a tenth of the time is enough for it."""
SHOWN_PROBLEMS = 20
GIVING = (*BY_HAND, TriggerEvent.SCHEDULE)
"""Only these give a run inputs; any other has the defaults."""
PATHS = b"paths"
"""What every path filter is written with: without it nobody asks which files changed."""


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
    _tries: SecondTries = field(default_factory=SecondTries)

    async def serve(self) -> None:
        """Prepare every run that was accepted, also those of an earlier life, until cancelled."""
        busy: dict[int, str] = {}
        rung = self.bell.listen(RUNS)
        async with asyncio.TaskGroup() as tasks:
            while True:
                begun = self.clock.monotonic()
                places = await self._unplanned()
                took = self.clock.monotonic() - begun
                for run_id in self._tries.due(tuple(places), self.clock.monotonic()):
                    if run_id not in busy and _has_room(busy, places[run_id]):
                        busy[run_id] = places[run_id]
                        tasks.create_task(self._one(run_id, busy))
                await asyncio.sleep(min(LONGEST_BREATH, took * BREATHS))
                await rung.wait(self._tries.next_in(self.clock.monotonic(), LOOK_AGAIN))

    async def _unplanned(self) -> Mapping[int, str]:
        try:
            return await self.store.read(lambda tx: tx.runs.unplanned(LISTED))
        except FlowForgeError as error:
            log.warning("accepted runs cannot be looked for, will be tried again", error=error.message)
            return {}

    async def _one(self, run_id: int, busy: dict[int, str]) -> None:
        """Whatever becomes of this run, the others go on."""
        try:
            await self._prepare_or_reject(run_id)
        except FlowForgeError as error:
            log.warning("run not prepared, will be tried again", run=run_id, error=error.message)
        except Exception:
            log.exception("run not prepared, will be tried again", run=run_id)
        else:
            # Others may wait for its place. After a failure they wait on: the store is likely away from all.
            self.bell.ring(RUNS)
        finally:
            del busy[run_id]

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
            config = await self._config(source, run, project)
            refuse_grants(config.pipeline, run.trigger)
        except Unplannable as error:
            await self._reject(run_id, error)
        except StoreUnavailable:
            raise
        except Upstream as error:
            await self._try_again_or_reject(run_id, error)
        else:
            planned = plan(config.pipeline, self._occasion(run, source))
            moved = await self.store.write(lambda tx: save_plan(tx, run_id, source, config, planned, now()))
            moved.ring(self.bell)
            self.bell.ring(TIDINGS)

    async def _try_again_or_reject(self, run_id: int, error: Upstream) -> None:
        """A forge that is away, or a slow fetch before ours, is no reason to give a push up."""
        why = f"the repository cannot be cloned: {error.message}"
        pause = None if error.final else self._tries.put_off(run_id, self.clock.monotonic())
        if pause is None:
            await self._reject(run_id, Unplannable(Cause.INFRASTRUCTURE, why))
            return
        at = (self.clock.now() + timedelta(seconds=pause)).astimezone(UTC)
        reason = f"{why}; tried again at {at:%H:%M:%S} UTC"
        await self.store.write(lambda tx: explain(tx, run_id, reason))
        self.bell.ring(EVENTS)

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
            url = source_url(project, trigger)
            if await self._is_foreign(run, url):
                where = trigger.ref or "the default branch"
                raise Unplannable(
                    Cause.CONFIG, f"commit {trigger.commit[:12]} is not in the history of {where}"
                )
            commit = await self.mirrors.fetch(url, trigger.commit, trigger.ref)
        except BadInput as error:
            reason = f"the repository cannot be cloned: {error.message}"
            raise Unplannable(Cause.INFRASTRUCTURE, reason) from error
        return Source(origin=url, commit=commit, ref=trigger.ref)

    async def _is_foreign(self, run: Run, url: str) -> bool:
        """Whether it names a commit by hand that its ref does not lead to: a fork's, which lies in the same repository,
        would be trusted. What was planned once was looked at then; its branch may be another or gone since."""
        trigger = run.trigger
        if trigger.event not in BY_HAND or not trigger.commit:
            return False
        first = await self.store.read(lambda tx: tx.runs.get(run.rerun_of or 0))
        if first and first.planned_at:
            return False
        return not await self.mirrors.reaches(url, trigger.ref, trigger.commit)

    async def _config(self, source: Source, run: Run, project: Project) -> Config:
        pipeline = await self.store.read(lambda tx: tx.pipelines.get(run.pipeline_id or 0))
        for path in (pipeline.path,) if pipeline else CONFIG_PATHS:
            content = await self._read(source, path)
            if content is not None:
                given = await self._given(source, run, project, content)
                return parsed(path, content, with_types(path, content, given))
        if pipeline:
            raise Unplannable(Cause.CONFIG, f"there is no {pipeline.path} at commit {source.commit[:12]}")
        raise Unplannable(Cause.CONFIG, await self._what_is_missing(source))

    async def _given(self, source: Source, run: Run, project: Project, content: bytes) -> Given:
        trigger = replace(run.trigger, commit=source.commit)
        changed = None
        if PATHS in content and (base := base_of(trigger, project)):
            changed = await self.mirrors.changed(source.origin, source.commit, project.clone_url, base)
        return Given(
            trigger=trigger,
            number=run.number,
            run_id=run.id,
            inputs=trigger.inputs,
            changed=None if changed is None else tuple(changed),
            home=home_of(project),
            run_url=self.links.run(run.id),
        )

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


def _has_room(busy: Mapping[int, str], place: str) -> bool:
    return len(busy) < AT_ONCE and sum(other == place for other in busy.values()) < AT_ONE_PLACE


def home_of(project: Project) -> Home:
    url = f"{project.origin}/{project.name}"
    return Home(forge=project.forge, url=url, default_branch=project.default_branch)


def with_types(path: str, content: bytes, given: Given) -> Given:
    """Inputs as the types that the config itself declares. Raises `Unplannable` for those it does not take."""
    if given.trigger is None or given.trigger.event not in GIVING:
        return replace(given, inputs={})
    specs = parsed(path, content, NOTHING_GIVEN).pipeline.inputs
    inputs = typed_inputs(specs, given.inputs)
    wrong = wrong_inputs(specs, inputs)
    if wrong:
        raise Unplannable(Cause.CONFIG, "\n".join(wrong.values()))
    return replace(given, inputs=inputs)


def refuse_grants(pipeline: PipelineConfig, trigger: Trigger) -> None:
    """An approval lets a stranger's code run, not reach beyond a job's container."""
    asking = next((job for job in pipeline.jobs if job.grant), None)
    if asking and not trigger.trusted:
        reason = f'job "{asking.key}" asks for the grant "{asking.grant}", which code from a fork never gets'
        raise Unplannable(Cause.CONFIG, reason)


def base_of(trigger: Trigger, project: Project) -> str:
    """What a push or pull request is compared with to see what it changed; empty where there is nothing."""
    if trigger.pull_request:
        return f"refs/heads/{trigger.pull_request.target}"
    if trigger.event is not TriggerEvent.PUSH:
        return ""
    if trigger.before.strip("0"):
        return trigger.before
    return "" if trigger.branch == project.default_branch else default_ref(project)


def parsed(path: str, content: bytes, given: Given) -> Config:
    text = content.decode("utf-8", errors="surrogateescape")
    outcome = dialect_of(path).parse(text, path, given)
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


def explain(tx: Tx, run_id: int, reason: str) -> None:
    """Why a run has no plan yet."""
    run = tx.runs.hold(run_id)
    if run and not run.planned_at and not run.status.terminal:
        tx.runs.save(replace(run, reason=reason))


def save_plan(tx: Tx, run_id: int, source: Source, config: Config, planned: Plan, now: datetime) -> Moved:
    """Keep the plan unless another server, or a cancel, was faster."""
    run = tx.runs.hold(run_id)
    if run is None:
        raise NotFound("run", run_id)
    if run.planned_at or run.status.terminal:
        return Moved(run=run)
    pipeline = known_pipeline(tx, run, config, now)
    project = tx.projects.get(run.project_id)
    told = project is not None and remember(tx, run, project, pipeline, config.pipeline, now)
    run = replace(
        run,
        reason="",
        pipeline_id=pipeline.id,
        trigger=replace(run.trigger, commit=source.commit),
        on_failure=planned.on_failure,
        group=planned.concurrency.group if planned.concurrency else "",
        supersedes=planned.concurrency is not None and planned.concurrency.cancel,
        config_path=config.path,
        config_text=config.text,
        config_digest="sha256:" + hashlib.sha256(config.text.encode()).hexdigest(),
    )
    held = why_held(run)
    if held:
        run = replace(run, approval=None)
    tx.runs.save(run)
    if planned.skip and not held:
        return move_run(tx, run_id, LeftOut(reason=planned.skip), now)
    tx.jobs.add(_jobs(tx, run, left_out(planned) if planned.skip else planned, now))
    tx.events.append([run_event(EventKind.RUN_PLANNED, run, Status.PENDING, now)])
    moved = move_run(tx, run_id, Planned(held=held), now)
    return replace(moved, topics=moved.topics | {TIMERS}) if told else moved


def known_pipeline(tx: Tx, run: Run, config: Config, now: datetime) -> Pipeline:
    found = tx.pipelines.find(run.project_id, run.provider, config.path)
    if found and found.name == config.pipeline.name:
        return found
    pipeline = (
        replace(found, name=config.pipeline.name)
        if found
        else Pipeline(
            id=tx.take_ids("pipelines")[0],
            organisation_id=run.organisation_id,
            project_id=run.project_id,
            provider=run.provider,
            path=config.path,
            name=config.pipeline.name,
            created_at=now,
        )
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
            terms=job.terms,
            order=job.order,
            image=job.order.image,
            created_at=now,
        )
        for job_id, job in zip(ids, planned.jobs, strict=True)
    ]
