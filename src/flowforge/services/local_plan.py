"""From the folder a person stands in to a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from flowforge.dialects.registry import CONFIG_PATHS
from flowforge.engine.plan import Occasion, complete, plan
from flowforge.errors import BadInput, Bug
from flowforge.model.inputs import Given
from flowforge.model.pipeline_config import PipelineConfig
from flowforge.model.plan import Plan
from flowforge.model.source import Source
from flowforge.model.trigger import Trigger, TriggerEvent

EVENTS: Mapping[str, TriggerEvent] = {
    **{event.value: event for event in TriggerEvent},
    "workflow_dispatch": TriggerEvent.MANUAL,
}
"""What `--event` takes: our words, and those that people know from other systems."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of the folder beside its files. Empty texts where it is no repository, or has no commit yet."""

    commit: str = ""
    ref: str = ""
    title: str = ""
    author: str = ""


def project_folder(start: Path) -> Path:
    """The nearest folder with a config, from here up to the repository's root; `start` where there is none."""
    for folder in (start, *start.parents):
        if any((folder / path).is_file() for path in CONFIG_PATHS):
            return folder
        if (folder / ".git").exists():
            break
    return start


def given_locally(folder: Path, event: TriggerEvent, standing: Standing, inputs: Mapping[str, str]) -> Given:
    """What a config is read for, as if `event` had happened to the folder as it is. What changed is not known."""
    trigger = Trigger(
        event=event,
        repository=folder.name,
        commit=standing.commit,
        ref=standing.ref,
        branch=standing.ref.removeprefix("refs/heads/") if standing.ref.startswith("refs/heads/") else "",
        title=standing.title,
        author=standing.author,
        inputs=inputs,
    )
    return Given(trigger=trigger, number=1, run_id=1, inputs=inputs)


def plan_locally(config: PipelineConfig, folder: Path, given: Given) -> Plan:
    """Jobs get the folder as it is, uncommitted changes included."""
    trigger = given.trigger
    if trigger is None:
        raise Bug("a local run is always for an occasion")
    source = Source(origin=str(folder), commit="", ref=trigger.ref)
    occasion = Occasion(run_id=given.run_id, number=given.number, trigger=trigger, source=source)
    planned = plan(config, occasion)
    return replace(planned, jobs=tuple(replace(job, order=complete(job.order)) for job in planned.jobs))


def with_needs(config: PipelineConfig, key: str) -> PipelineConfig:
    """One job and all it needs. Raises BadInput where there is no such job."""
    jobs = {job.key: job for job in config.jobs}
    if key not in jobs:
        raise BadInput(f"there is no job {key}; the jobs are {', '.join(jobs)}", field="job")
    wanted: set[str] = set()
    waiting = [key]
    while waiting:
        job = waiting.pop()
        if job not in wanted:
            wanted.add(job)
            waiting.extend(jobs[job].needs)
    return replace(config, jobs=tuple(job for job in config.jobs if job.key in wanted))


def undeclared(planned: Plan, given: Mapping[str, str]) -> tuple[str, ...]:
    """Secrets that jobs declare and nobody gave."""
    declared = (ref.name for job in planned.jobs for ref in job.order.secrets)
    return tuple(dict.fromkeys(name for name in declared if name not in given))
