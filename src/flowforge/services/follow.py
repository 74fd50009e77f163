"""Starts pipelines when the runs end that they wait for: a reader of the event stream."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from flowforge.errors import FlowForgeError
from flowforge.model.event import Event, EventKind
from flowforge.model.project import Pipeline, Project
from flowforge.model.run import Run
from flowforge.model.schedule import Upstream
from flowforge.model.trigger import Trigger, TriggerEvent
from flowforge.ports import Bell, Clock, Store, Tx
from flowforge.services.autostart import FOLLOWER
from flowforge.services.progress import NEW_RUN, TIDINGS
from flowforge.services.start import of_branch, start_run

log = structlog.get_logger()

EVENTS_AT_ONCE = 200
LOOK_AGAIN = 30.0
LONGEST_CHAIN = 10
"""Runs that start each other: beyond that it is a circle."""
LONGEST_LAG = 1_000
"""Events that are read again after a restart at most while no pipeline follows any."""


@dataclass(slots=True)
class Followers:
    store: Store
    bell: Bell
    clock: Clock

    async def serve(self) -> None:
        """Until cancelled. The runs started and the place in the stream are kept together: none is started twice."""
        rung = self.bell.listen(TIDINGS)
        while True:
            try:
                while await self.follow():
                    pass
            except FlowForgeError as error:
                log.warning("upstream triggers are held up", error=error.message)
            await rung.wait(LOOK_AGAIN)

    async def follow(self) -> bool:
        """Whether there may be more."""
        if not await self.store.read(_is_worth_reading):
            return False
        now = self.clock.now()
        runs, more = await self.store.write(lambda tx: follow(tx, now))
        if runs:
            for topic in NEW_RUN:
                self.bell.ring(topic)
        return more


def _is_worth_reading(tx: Tx) -> bool:
    behind = tx.events.last() - tx.events.cursor(FOLLOWER)
    return behind > (0 if tx.pipelines.following() else LONGEST_LAG)


def follow(tx: Tx, now: datetime) -> tuple[list[Run], bool]:
    following = tx.pipelines.following()
    if not following:
        tx.events.move(FOLLOWER, tx.events.last())
        return [], False
    events = tx.events.since(tx.events.cursor(FOLLOWER), EVENTS_AT_ONCE)
    ended = [event for event in events if event.kind is EventKind.RUN_FINISHED]
    started = [run for event in ended for run in _follow_one(tx, event, following, now)]
    if events:
        tx.events.move(FOLLOWER, events[-1].id)
    return started, len(events) == EVENTS_AT_ONCE


def _follow_one(tx: Tx, event: Event, following: Sequence[Pipeline], now: datetime) -> Iterator[Run]:
    run = tx.runs.get(event.run_id or 0)
    if run is None:
        return
    project, ended = tx.projects.get(run.project_id), _pipeline_of(tx, run)
    for pipeline in following:
        if project and any(_follows(up, pipeline, run, project, ended) for up in pipeline.upstreams):
            yield from _start(tx, pipeline, run, project, now)


def _pipeline_of(tx: Tx, run: Run) -> Pipeline | None:
    return tx.pipelines.get(run.pipeline_id) if run.pipeline_id else None


def _follows(up: Upstream, pipeline: Pipeline, run: Run, project: Project, ended: Pipeline | None) -> bool:
    if up.project not in (project.name, *project.former_names) and (
        up.project or pipeline.project_id != project.id
    ):
        return False
    if up.pipeline and (ended is None or up.pipeline not in (ended.name, ended.path)):
        return False
    if not run.trigger.trusted or run.status.value not in up.statuses:
        return False
    return not up.branches or run.trigger.branch in up.branches


def _start(tx: Tx, pipeline: Pipeline, run: Run, upstream: Project, now: datetime) -> Iterator[Run]:
    project = tx.projects.get(pipeline.project_id)
    if project is None:
        return
    if _chain(tx, run) >= LONGEST_CHAIN:
        log.warning("runs start each other in a circle: stopped", run=run.id, project=project.name)
        return
    trigger = Trigger(
        event=TriggerEvent.UPSTREAM,
        repository=project.name,
        commit="",
        title=f"{upstream.name} run #{run.number} ended as {run.status}",
        author=run.trigger.author,
        caused_by=run.id,
    )
    yield start_run(tx, project, pipeline, of_branch(trigger, project.default_branch), now)


def _chain(tx: Tx, run: Run) -> int:
    length, cause = 0, run.trigger.caused_by
    while cause is not None and length < LONGEST_CHAIN:
        before = tx.runs.get(cause)
        length, cause = length + 1, before.trigger.caused_by if before else None
    return length
