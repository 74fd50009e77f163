"""A part of a run again: a new run with the old one's plan, in which what is kept stands for the old jobs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from flowforge.dialects.registry import dialect_of
from flowforge.engine.again import failed_again, why_not_again
from flowforge.engine.approvals import why_held
from flowforge.engine.plan import Occasion, occasion_env
from flowforge.engine.state import JobState, Planned
from flowforge.errors import Conflict, NotFound
from flowforge.model.event import EventKind, NewEvent
from flowforge.model.inputs import NO_HOME, Given
from flowforge.model.job_run import JobRun
from flowforge.model.run import Gate, Run
from flowforge.model.status import Cause, Status
from flowforge.ports import Tx
from flowforge.services.links import Links
from flowforge.services.prepare import home_of
from flowforge.services.progress import Moved, move_run, run_event
from flowforge.services.states import state_of

Choose = Callable[[Run, Mapping[str, JobState]], Collection[str]]
"""Which jobs run again; raises Conflict where none can."""


def whole(tx: Tx, run_id: int, now: datetime) -> Run:
    """A run of the same commit that is prepared anew."""
    old = held_over(tx, run_id)
    run = Run(
        id=tx.take_ids("runs")[0],
        organisation_id=old.organisation_id,
        project_id=old.project_id,
        pipeline_id=old.pipeline_id,
        provider=old.provider,
        number=tx.projects.take_numbers(old.project_id)[0],
        trigger=old.trigger,
        delivery_id=old.delivery_id,
        rerun_of=old.rerun_of or old.id,
        approval=old.approval,
        attempt=old.attempt + 1,
        created_at=now,
    )
    tx.runs.add([run])
    tx.events.append([run_event(EventKind.RUN_CREATED, run, Status.PENDING, now)])
    return run


def part(tx: Tx, run_id: int, choose: Choose, links: Links, now: datetime) -> Moved:
    """A run that is planned at once, without asking the repository: same commit, config, inputs and jobs."""
    old = held_over(tx, run_id)
    whole = tx.runs.get(run_id) or old
    jobs = tx.jobs.of((run_id,))
    chosen = choose(old, state_of(old, jobs).jobs)
    run = replace(
        whole,
        id=tx.take_ids("runs")[0],
        number=tx.projects.take_numbers(old.project_id)[0],
        status=Status.PENDING,
        cause=None,
        reason="",
        gate=Gate.OPEN,
        rerun_of=old.rerun_of or old.id,
        attempt=old.attempt + 1,
        created_at=now,
        planned_at=None,
        started_at=None,
        finished_at=None,
    )
    tx.runs.add([run])
    rows = _rows(tx, run, jobs, chosen, links)
    tx.jobs.add(rows)
    created = (EventKind.RUN_CREATED, EventKind.RUN_PLANNED)
    tx.events.append(run_event(kind, run, Status.PENDING, now) for kind in created)
    tx.events.append(_kept_event(run, job, now) for job in rows if job.status.terminal)
    return move_run(tx, run.id, Planned(held=why_held(run)), now)


def failed(old: Run, jobs: Mapping[str, JobState]) -> Collection[str]:
    chosen = failed_again(jobs)
    if not chosen:
        raise Conflict(f"nothing of run {old.id} failed: re-run all of it, or one job")
    return chosen


def one(name: str) -> Choose:
    """By the job's key."""

    def choose(old: Run, jobs: Mapping[str, JobState]) -> Collection[str]:
        if name not in jobs:
            raise NotFound(f"job in run {old.id}:", name)
        why_not = why_not_again(jobs[name], jobs)
        if why_not:
            raise Conflict(f'job "{name}" cannot run again by itself: {why_not}')
        return {name}

    return choose


def held_over(tx: Tx, run_id: int) -> Run:
    """The run, which must be over."""
    old = tx.runs.hold(run_id)
    if old is None:
        raise NotFound("run", run_id)
    if not old.status.terminal:
        raise Conflict(f"run {run_id} is not over ({old.status}): cancel it first, or wait for its end")
    return old


def occasion_of(tx: Tx, run: Run, links: Links) -> Mapping[str, str]:
    """What a job of this run is told about it, as its plan would say."""
    url, project = links.run(run.id), tx.projects.get(run.project_id)
    occasion = Occasion(run_id=run.id, number=run.number, trigger=run.trigger, source=None, run_url=url)
    given = Given(
        trigger=run.trigger,
        number=run.number,
        run_id=run.id,
        home=home_of(project) if project else NO_HOME,
        run_url=url,
    )
    return {**occasion_env(occasion), **dialect_of(run.config_path).env(given)}


def _rows(tx: Tx, run: Run, jobs: Sequence[JobRun], chosen: Collection[str], links: Links) -> list[JobRun]:
    told = occasion_of(tx, run, links)
    rows = []
    for job_id, job in zip(tx.take_ids("jobs", len(jobs)), jobs, strict=True):
        if job.key in chosen:
            first = tx.jobs.get(job.kept_from or job.id)
            order = replace(first.order, occasion=told) if first and first.order else None
            rows.append(replace(_anew(job, job_id, run), order=order))
        else:
            rows.append(_kept(job, job_id, run))
    return rows


def _anew(job: JobRun, job_id: int, run: Run) -> JobRun:
    return JobRun(
        id=job_id,
        run_id=run.id,
        key=job.key,
        name=job.name,
        needs=job.needs,
        terms=job.terms,
        image=job.image,
        created_at=run.created_at,
    )


def _kept(job: JobRun, job_id: int, run: Run) -> JobRun:
    """What was skipped for want of another is not run by this either, and says so."""
    kept = replace(
        job,
        id=job_id,
        run_id=run.id,
        order=None,
        ready=False,
        stopping=False,
        attempt=0,
        kept_from=job.kept_from or job.id,
        created_at=run.created_at,
    )
    if job.status is Status.SKIPPED and job.cause is Cause.NEEDS:
        return replace(kept, kept_from=None, reason="not among the jobs that this run was to repeat")
    return kept


def _kept_event(run: Run, job: JobRun, now: datetime) -> NewEvent:
    detail = {
        "job": job.key,
        "attempt": 0,
        "cause": job.cause,
        "reason": job.reason,
        "kept_from": job.kept_from,
    }
    return NewEvent(
        kind=EventKind.JOB_FINISHED,
        at=now,
        organisation_id=run.organisation_id,
        run_id=run.id,
        job_id=job.id,
        status=job.status,
        detail=detail,
    )
