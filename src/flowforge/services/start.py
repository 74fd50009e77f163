"""Runs that no push starts: by hand, by the clock, or because another run ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from flowforge.engine.inputs import typed_inputs, wrong_inputs
from flowforge.errors import BadInput, NotFound
from flowforge.model.event import EventKind
from flowforge.model.inputs import InputValue
from flowforge.model.project import Pipeline, Project
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.model.trigger import Trigger, TriggerEvent
from flowforge.ports import Tx
from flowforge.services.progress import run_event
from flowforge.services.recording import LOCAL

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
BY_HAND = (TriggerEvent.MANUAL, TriggerEvent.API)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to be run. `ref` is a full name, empty for the default branch; `commit` is empty for its tip;
    `path` is a pipeline's config file, empty for the one the repository has."""

    project: str
    ref: str = ""
    commit: str = ""
    path: str = ""
    inputs: Mapping[str, InputValue] = field(default_factory=dict)


def start_by_hand(tx: Tx, wish: Wish, event: TriggerEvent, by: str, now: datetime) -> Run:
    project = next(iter(tx.projects.named(wish.project)), None)
    if project is None:
        raise NotFound("project", wish.project)
    pipeline = _pipeline(tx, project, wish.path)
    inputs = typed_inputs(pipeline.inputs if pipeline else (), wish.inputs)
    _check_ref(wish.ref)
    ref = wish.ref or default_ref(project)
    if pipeline and ref == default_ref(project) and not wish.commit:
        _check_inputs(pipeline, inputs)
    trigger = Trigger(
        event=event,
        repository=project.name,
        commit=wish.commit,
        ref=ref,
        branch=branch_of(ref),
        title=f"started by {by}",
        author=by,
        inputs=inputs,
    )
    return start_run(tx, project, pipeline if wish.path else None, trigger, now)


def start_run(tx: Tx, project: Project, pipeline: Pipeline | None, trigger: Trigger, now: datetime) -> Run:
    """Of this pipeline, or of whichever one the commit has."""
    run = Run(
        id=tx.take_ids("runs")[0],
        organisation_id=project.organisation_id,
        project_id=project.id,
        pipeline_id=pipeline.id if pipeline else None,
        provider=LOCAL,
        number=tx.projects.take_numbers(project.id)[0],
        trigger=trigger,
        created_at=now,
    )
    tx.runs.add([run])
    tx.events.append([run_event(EventKind.RUN_CREATED, run, Status.PENDING, now)])
    return run


def default_ref(project: Project) -> str:
    """Empty where the forge did not tell its name: the repository's own HEAD."""
    return BRANCHES + project.default_branch if project.default_branch else ""


def branch_of(ref: str) -> str:
    return ref.removeprefix(BRANCHES) if ref.startswith(BRANCHES) else ""


def of_branch(trigger: Trigger, branch: str) -> Trigger:
    return replace(trigger, ref=BRANCHES + branch if branch else "", branch=branch)


def _pipeline(tx: Tx, project: Project, path: str) -> Pipeline | None:
    if path:
        found = tx.pipelines.find(project.id, LOCAL, path)
        if found is None:
            raise NotFound("pipeline", path)
        return found
    own = [pipeline for pipeline in tx.pipelines.of(project.id) if pipeline.provider == LOCAL]
    return max(own, key=lambda pipeline: pipeline.defined_by, default=None)


def _check_ref(ref: str) -> None:
    """Only what somebody who may write to the repository has put there: forges keep the commits of forks beside it, as
    `refs/pull/7/head`, and a run by hand is trusted."""
    if ref and not ref.startswith((BRANCHES, TAGS)):
        message = f"only a branch ({BRANCHES}…) or a tag ({TAGS}…) can be run by hand"
        raise BadInput(message, field="ref")


def _check_inputs(pipeline: Pipeline, inputs: Mapping[str, InputValue]) -> None:
    for name, sentence in wrong_inputs(pipeline.inputs, inputs).items():
        raise BadInput(sentence, field=f"inputs.{name}")
