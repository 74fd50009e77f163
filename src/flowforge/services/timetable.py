"""Starts what is due by the clock."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from flowforge.errors import FlowForgeError
from flowforge.model.run import Run
from flowforge.model.schedule import Timer
from flowforge.model.trigger import Trigger, TriggerEvent
from flowforge.ports import Bell, Clock, Store, Tx
from flowforge.services.autostart import TIMERS, next_time
from flowforge.services.progress import NEW_RUN
from flowforge.services.start import of_branch, start_run

log = structlog.get_logger()

AT_ONCE = 50
MOST = 100_000
COMES_AGAIN = timedelta(hours=3)
"""By so much a wall clock may be moved back and nothing that was started is started twice."""
FIRST = datetime.min.replace(tzinfo=UTC)
"""No look was before."""
LOOK_AGAIN = 30.0
"""Seconds, also because a clock that is set does not wake who waits."""


@dataclass(frozen=True, slots=True)
class Timetable:
    store: Store
    bell: Bell
    clock: Clock

    async def serve(self) -> None:
        """Until cancelled. What was missed while nobody served is made up for once, however often it was due."""
        rung, latest = self.bell.listen(TIMERS), FIRST
        while True:
            try:
                latest = await self.heed_clock(latest)
                while await self.start_due():
                    pass
                pause = await self._pause()
            except FlowForgeError as error:
                log.warning("schedules are held up", error=error.message)
                pause = LOOK_AGAIN
            await rung.wait(pause)

    async def heed_clock(self, latest: datetime) -> datetime:
        """What time it is; `latest` is what it was at the look before. Where that was later, and at the first look, times
        that were noted by a clock that was far ahead are noted anew."""
        now = self.clock.now()
        if latest is FIRST or now < latest:
            await self.store.write(lambda tx: bring_forward(tx, now))
        return now

    async def start_due(self) -> bool:
        """Whether there may be more."""
        now = self.clock.now()
        if not await self.store.read(lambda tx: tx.timers.due(now, 1)):
            return False
        runs = await self.store.write(lambda tx: start_due(tx, now))
        for topic in NEW_RUN:
            self.bell.ring(topic)
        return bool(runs)

    async def _pause(self) -> float:
        at = await self.store.read(lambda tx: tx.timers.next_at())
        left = LOOK_AGAIN if at is None else (at - self.clock.now()).total_seconds()
        return min(LOOK_AGAIN, max(0.05, left))


def bring_forward(tx: Tx, now: datetime) -> None:
    """What is due earlier, or is overdue, stays as it is."""
    for timer in tx.timers.due(datetime.max.replace(tzinfo=now.tzinfo), MOST):
        at = next_time(timer.schedule, now + COMES_AGAIN)
        if at and at < timer.next_at:
            tx.timers.save(replace(timer, next_at=at))


def start_due(tx: Tx, now: datetime) -> list[Run]:
    """Runs and the timers' next times in one transaction: two servers never start the same one twice."""
    return [run for timer in tx.timers.due(now, AT_ONCE) for run in _start(tx, timer, now)]


def _start(tx: Tx, timer: Timer, now: datetime) -> list[Run]:
    again = next_time(timer.schedule, now)
    if again is None:
        tx.timers.drop(timer)
    else:
        tx.timers.save(replace(timer, next_at=again))
    project, pipeline = tx.projects.get(timer.project_id), tx.pipelines.get(timer.pipeline_id)
    if project is None or pipeline is None:
        return []
    trigger = Trigger(
        event=TriggerEvent.SCHEDULE,
        repository=project.name,
        commit="",
        title=timer.schedule.name,
        author="schedule",
        inputs=timer.schedule.inputs,
    )
    branches = timer.schedule.branches or (project.default_branch,)
    return [start_run(tx, project, pipeline, of_branch(trigger, branch), now) for branch in branches]
