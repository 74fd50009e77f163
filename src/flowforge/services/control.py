"""What people tell runs to do."""

from dataclasses import dataclass
from datetime import datetime

from flowforge.engine.state import CancelAsked
from flowforge.errors import Conflict, NotFound
from flowforge.model.event import EventKind
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.ports import Bell, Clock, Store, Tx
from flowforge.services.progress import EVENTS, RUNS, Moved, move_run, run_event


@dataclass(frozen=True, slots=True)
class Control:
    store: Store
    bell: Bell
    clock: Clock

    async def cancel(self, run_id: int, by: str) -> Run:
        """Conflict where the run is over. A second cancel of a run that is stopping changes nothing."""
        now = self.clock.now()
        moved = await self.store.write(lambda tx: cancel(tx, run_id, by, now), urgent=True)
        moved.ring(self.bell)
        return moved.run

    async def rerun(self, run_id: int) -> Run:
        """A new run of the same commit. Conflict while the old one is not over."""
        now = self.clock.now()
        run = await self.store.write(lambda tx: rerun(tx, run_id, now), urgent=True)
        for topic in (RUNS, EVENTS):
            self.bell.ring(topic)
        return run


def cancel(tx: Tx, run_id: int, by: str, now: datetime) -> Moved:
    run = tx.runs.hold(run_id)
    if run is None:
        raise NotFound("run", run_id)
    if run.status.terminal:
        raise Conflict(f"run {run_id} is over ({run.status}) and cannot be cancelled")
    return move_run(tx, run_id, CancelAsked(reason=f"cancelled by {by}"), now)


def rerun(tx: Tx, run_id: int, now: datetime) -> Run:
    old = tx.runs.hold(run_id)
    if old is None:
        raise NotFound("run", run_id)
    if not old.status.terminal:
        raise Conflict(f"run {run_id} is not over ({old.status}): cancel it first, or wait for its end")
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
        attempt=old.attempt + 1,
        created_at=now,
    )
    tx.runs.add([run])
    tx.events.append([run_event(EventKind.RUN_CREATED, run, Status.PENDING, now)])
    return run
