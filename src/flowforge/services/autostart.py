"""What starts a pipeline by itself, as the newest config of its default branch says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from flowforge.model.cron import Cron, parse_cron, zone_named
from flowforge.model.pipeline_config import PipelineConfig
from flowforge.model.project import Pipeline, Project
from flowforge.model.run import Run
from flowforge.model.schedule import Schedule, Timer
from flowforge.model.trigger import TriggerEvent
from flowforge.ports import Tx
from flowforge.services.start import default_ref

TIMERS = "timers"
"""Bell: a schedule came, went or changed."""
FOLLOWER = "upstream-triggers"
"""The reader that starts pipelines when runs end. While none follows any it may lag behind the stream."""
_NOT_TELLING = (TriggerEvent.PULL_REQUEST, TriggerEvent.TAG)


def remember(
    tx: Tx, run: Run, project: Project, pipeline: Pipeline, config: PipelineConfig, now: datetime
) -> bool:
    """Keep what the config says about inputs, schedules and upstreams, if it is the default branch's and no newer run
    said otherwise. Answers whether there are timers to look at anew."""
    if not _counts(run, project) or pipeline.defined_by > run.id:
        return False
    if config.upstreams and not tx.pipelines.following():
        # What ended while nobody followed starts nothing.
        tx.events.move(FOLLOWER, tx.events.last())
    tx.pipelines.save(replace(pipeline, inputs=config.inputs, upstreams=config.upstreams, defined_by=run.id))
    for other in tx.pipelines.of(project.id):
        if other.id != pipeline.id and other.provider == pipeline.provider:
            _retire(tx, other)
    tx.timers.replace(pipeline.id, tuple(_timers(pipeline, config.schedules, now)))
    return True


def next_time(schedule: Schedule, now: datetime) -> datetime | None:
    """None where the schedule never comes, or is none."""
    cron, zone = parse_cron(schedule.cron), zone_named(schedule.zone)
    return cron.after(now, zone) if isinstance(cron, Cron) and zone else None


def _counts(run: Run, project: Project) -> bool:
    """Only of the branch's newest commit: a push's, or the one that was there for whoever named none. A commit that was
    named may be any of the branch's history; a re-run is of an older one, a pull request is not the branch's yet."""
    trigger = run.trigger
    of_default = trigger.ref == default_ref(project) and trigger.event not in _NOT_TELLING
    is_tip = trigger.event is TriggerEvent.PUSH or not trigger.commit
    return of_default and is_tip and run.rerun_of is None


def _retire(tx: Tx, pipeline: Pipeline) -> None:
    """One file is one pipeline: the repository's config is another file now."""
    tx.timers.replace(pipeline.id, ())
    if pipeline.upstreams:
        tx.pipelines.save(replace(pipeline, upstreams=()))


def _timers(pipeline: Pipeline, schedules: Sequence[Schedule], now: datetime) -> list[Timer]:
    due = ((schedule, next_time(schedule, now)) for schedule in schedules)
    return [
        Timer(pipeline_id=pipeline.id, project_id=pipeline.project_id, schedule=schedule, next_at=at)
        for schedule, at in due
        if at
    ]
