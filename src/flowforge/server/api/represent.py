"""Nouns to what the API says of them. What is empty or not known yet is null."""

from datetime import datetime

from flowforge.model.attempt import Attempt
from flowforge.model.project import Project
from flowforge.model.run import Approval, Gate, Run
from flowforge.model.runner import Runner, Trust
from flowforge.model.status import Cause, Status
from flowforge.model.step_run import StepRun
from flowforge.server.api.values import (
    ApprovalValue,
    AttemptValue,
    JobValue,
    PageValue,
    ProjectValue,
    RunnerValue,
    RunSummary,
    RunValue,
    StepValue,
    T,
)
from flowforge.services.browse import JobView, ProjectView, RunView
from flowforge.services.links import Links
from flowforge.services.runners import status_of


def run_summary(run: Run, project: Project, links: Links) -> RunSummary:
    trigger = run.trigger
    return RunSummary(
        id=run.id,
        number=run.number,
        provider=run.provider,
        repository=project.name,
        commit=trigger.commit or None,
        branch=trigger.branch or None,
        ref=trigger.ref or None,
        event=trigger.event,
        title=trigger.title or None,
        author=trigger.author or None,
        status=run.status,
        cause=_cause(run.status, run.cause),
        reason=run.reason or None,
        url=links.run(run.id),
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        duration_seconds=duration(run.started_at, run.finished_at),
        attempt=run.attempt,
        rerun_of=run.rerun_of,
    )


def run_value(view: RunView, links: Links) -> RunValue:
    run = view.run
    summary = run_summary(run, view.project, links).model_dump() | {"reason": view.reason or None}
    closed = not run.status.terminal and run.gate is not Gate.OPEN
    return RunValue(
        **summary,
        group=run.group or None,
        gate=run.gate if closed else None,
        config_digest=run.config_digest or None,
        approval=approval_value(run.approval) if run.approval else None,
        jobs=tuple(job_value(job) for job in view.jobs or ()),
    )


def approval_value(approval: Approval) -> ApprovalValue:
    return ApprovalValue(
        commit=approval.commit, config_digest=approval.config_digest, by=approval.by, at=approval.at
    )


def job_value(view: JobView) -> JobValue:
    job = view.job
    return JobValue(
        id=job.id,
        key=job.key,
        name=job.name,
        kind=job.terms.kind,
        status=job.status,
        allowed_failure=view.allowed_failure,
        cause=_cause(job.status, job.cause),
        reason=view.reason or None,
        needs=job.needs,
        runner=job.runner or None,
        image=job.image,
        attempt=job.attempt,
        kept_from=job.kept_from,
        started_at=job.started_at,
        finished_at=job.finished_at,
        duration_seconds=duration(job.started_at, job.finished_at),
        steps=tuple(step_value(step) for step in view.steps),
        attempts=tuple(attempt_value(attempt) for attempt in view.attempts),
    )


def attempt_value(attempt: Attempt) -> AttemptValue:
    return AttemptValue(
        number=attempt.key.number,
        status=attempt.status,
        cause=_cause(attempt.status, attempt.cause),
        reason=attempt.reason or None,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        duration_seconds=duration(attempt.started_at, attempt.finished_at),
        log_bytes=attempt.log_size if attempt.status.terminal else None,
    )


def step_value(step: StepRun) -> StepValue:
    return StepValue(
        index=step.index,
        name=step.name,
        status=step.status,
        cause=_cause(step.status, step.cause),
        reason=step.reason or None,
        exit_code=step.exit_code,
        started_at=step.started_at,
        finished_at=step.finished_at,
        duration_seconds=duration(step.started_at, step.finished_at),
        log_start=step.log_start,
        log_end=step.log_end,
    )


def runner_value(runner: Runner, now: datetime) -> RunnerValue:
    return RunnerValue(
        id=runner.id,
        name=runner.name,
        host=runner.host,
        labels=runner.labels,
        status=status_of(runner, now),
        slots=runner.slots,
        executor=runner.executor or None,
        note=runner.note or None,
        projects=runner.projects,
        trusted_only=runner.trust is Trust.TRUSTED_ONLY,
        draining=runner.draining,
        version=runner.version or None,
        created_at=runner.created_at,
        seen_at=runner.seen_at,
    )


def project_value(view: ProjectView, links: Links) -> ProjectValue:
    project = view.project
    newest = view.runs[0] if view.runs else None
    return ProjectValue(
        id=project.id,
        name=project.name,
        former_names=project.former_names,
        forge=project.forge,
        origin=project.origin,
        clone_url=project.clone_url,
        default_branch=project.default_branch or None,
        created_at=project.created_at,
        last_run=run_summary(newest, project, links) if newest else None,
    )


def page_value(items: tuple[T, ...], after: int | None) -> PageValue[T]:
    return PageValue(items=items, next=None if after is None else str(after))


def duration(began: datetime | None, ended: datetime | None) -> float | None:
    if began is None or ended is None:
        return None
    return round(max(0.0, (ended - began).total_seconds()), 3)


def _cause(status: Status, cause: Cause | None) -> Cause | None:
    return None if status is Status.SUCCESS else cause
