"""Rows to put into a store, each complete and different where that matters."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.commit_status import CommitState, CommitStatus, StatusDebt
from flowforge.model.delivery import Delivery
from flowforge.model.event import EventKind, NewEvent
from flowforge.model.job_run import JobRun
from flowforge.model.project import Pipeline, Project
from flowforge.model.run import Run
from flowforge.model.runner import Runner
from flowforge.model.step_run import StepRun
from flowforge.model.trigger import Trigger, TriggerEvent
from flowforge.ports import Tx
from flowforge.testing.clock import EPOCH


def later(seconds: float) -> Any:
    return EPOCH + timedelta(seconds=seconds)


def project(id: int = 1, **changes: Any) -> Project:
    base = Project(
        id=id,
        organisation_id=1,
        forge="github",
        origin="https://forge.example",
        native_id=str(id),
        name=f"octo/repo-{id}",
        clone_url=f"https://forge.example/octo/repo-{id}.git",
        created_at=EPOCH,
    )
    return replace(base, **changes)


def pipeline(id: int = 1, project_id: int = 1, **changes: Any) -> Pipeline:
    base = Pipeline(
        id=id,
        organisation_id=1,
        project_id=project_id,
        provider="local",
        path=f".flowforge/{id}.yml",
        name="ci",
        created_at=EPOCH,
    )
    return replace(base, **changes)


def delivery(id: int = 1, **changes: Any) -> Delivery:
    base = Delivery(
        id=id,
        organisation_id=1,
        project_id=1,
        forge="github",
        event="push",
        delivery_key=f"github:delivery:{id}",
        event_key=f"github:event:{id}",
        place=f"place {id}",
        body=b"\x00\xff{}",
        run_ids=(id, id + 1),
        received_at=EPOCH,
    )
    return replace(base, **changes)


def trigger(**changes: Any) -> Trigger:
    base = Trigger(
        event=TriggerEvent.PUSH,
        repository="octo/repo-1",
        commit="c0ffee",
        ref="refs/heads/main",
        branch="main",
        title="Größer als €5",
        author="octo",
    )
    return replace(base, **changes)


def run(id: int = 1, **changes: Any) -> Run:
    base = Run(
        id=id,
        organisation_id=1,
        project_id=1,
        pipeline_id=None,
        provider="local",
        number=id,
        trigger=trigger(),
        created_at=later(id),
    )
    return replace(base, **changes)


def job(id: int = 1, run_id: int = 1, **changes: Any) -> JobRun:
    return replace(JobRun(id=id, run_id=run_id, key=f"job-{id}", name="Job", created_at=EPOCH), **changes)


def attempt(number: int = 1, job_id: int = 1, run_id: int = 1, **changes: Any) -> Attempt:
    key = AttemptKey(run=run_id, job=job_id, number=number)
    return replace(Attempt(key=key, runner_id=1, token="secret", started_at=EPOCH), **changes)


def step(index: int, key: AttemptKey, **changes: Any) -> StepRun:
    return replace(StepRun(attempt=key, index=index, name=f"step {index}"), **changes)


def runner(id: int = 1, **changes: Any) -> Runner:
    base = Runner(id=id, organisation_id=1, name=f"runner-{id}", host="here", created_at=EPOCH)
    return replace(base, **changes)


def debt(run_id: int = 1, **changes: Any) -> StatusDebt:
    status = CommitStatus(
        forge="github",
        repository="octo/repo-1",
        commit="c0ffee",
        state=CommitState.PENDING,
        description="running",
        context="flowforge",
        target_url="http://localhost/runs/1",
    )
    return replace(StatusDebt(run_id=run_id, status=status, version=1, next_try_at=EPOCH), **changes)


def event(status: str = "", **changes: Any) -> NewEvent:
    return replace(NewEvent(kind=EventKind.RUN_CREATED, at=EPOCH, status=status), **changes)


def add_runs(tx: Tx, *runs: Run) -> None:
    """With the projects they belong to."""
    for project_id in sorted({r.project_id for r in runs}):
        if tx.projects.get(project_id) is None:
            tx.projects.save(project(project_id))
    tx.runs.add(runs)


def add_attempts(tx: Tx, *attempts: Attempt) -> None:
    """With the runs and jobs they belong to."""
    add_runs(tx, *(run(n) for n in sorted({a.key.run for a in attempts})))
    tx.jobs.add([job(n, of) for n, of in sorted({(a.key.job, a.key.run) for a in attempts})])
    for one in attempts:
        tx.attempts.add(one)
