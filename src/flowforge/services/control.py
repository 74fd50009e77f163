"""What people tell runs to do."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from flowforge.engine.approvals import covers
from flowforge.engine.state import Approved, CancelAsked, Opened
from flowforge.errors import Conflict, NotFound
from flowforge.model.event import EventKind, NewEvent
from flowforge.model.run import Approval, Gate, Run
from flowforge.model.status import Status
from flowforge.model.trigger import TriggerEvent
from flowforge.ports import Bell, Clock, Store, Tx
from flowforge.services import again
from flowforge.services.links import Links
from flowforge.services.progress import NEW_RUN, TIDINGS, Moved, move_run, run_event
from flowforge.services.start import Wish, start_by_hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What whoever approves has looked at; empty for what they do not name."""

    commit: str = ""
    config_digest: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    store: Store
    bell: Bell
    clock: Clock
    links: Links = field(default_factory=lambda: Links(""))

    async def start(self, wish: Wish, event: TriggerEvent, by: str) -> Run:
        """NotFound where there is no such project or pipeline, BadInput naming the input that will not do: as far as
        the pipeline's own words are known, which it says for good when the run is prepared."""
        now = self.clock.now()
        run = await self.store.write(lambda tx: start_by_hand(tx, wish, event, by, now), urgent=True)
        for topic in NEW_RUN:
            self.bell.ring(topic)
        return run

    async def cancel(self, run_id: int, by: str) -> Run:
        """Conflict where the run is over. A second cancel of a run that is stopping changes nothing."""
        return await self._move(lambda tx, now: cancel(tx, run_id, by, now))

    async def approve(self, run_id: int, by: str, seen: Seen | None = None) -> Run:
        """Let a run of somebody else's code go on, with exactly its commit and config. Conflict where it does not wait
        for that, or is not what was `seen`."""
        return await self._move(lambda tx, now: approve(tx, run_id, by, seen or Seen(), now))

    async def open_gate(self, run_id: int, job: str, by: str) -> Run:
        """Approve an approval job, by its id or key. Conflict where it does not wait."""
        return await self._move(lambda tx, now: open_gate(tx, run_id, job, by, now))

    async def rerun(self, run_id: int) -> Run:
        """A new run of the same commit. Conflict while the old one is not over."""
        now = self.clock.now()
        run = await self.store.write(lambda tx: again.whole(tx, run_id, now), urgent=True)
        for topic in NEW_RUN:
            self.bell.ring(topic)
        return run

    async def rerun_failed(self, run_id: int) -> Run:
        """A new run in which only what failed, and what that held up, runs again. Conflict where nothing failed."""
        return await self._move(lambda tx, now: again.part(tx, run_id, again.failed, self.links, now))

    async def rerun_job(self, run_id: int, key: str) -> Run:
        """A new run in which this one job runs again. Conflict where one that it needs did not end as it must."""
        return await self._move(lambda tx, now: again.part(tx, run_id, again.one(key), self.links, now))

    async def _move(self, work: Callable[[Tx, datetime], Moved]) -> Run:
        now = self.clock.now()
        moved = await self.store.write(lambda tx: work(tx, now), urgent=True)
        moved.ring(self.bell)
        self.bell.ring(TIDINGS)
        return moved.run


def cancel(tx: Tx, run_id: int, by: str, now: datetime) -> Moved:
    run = _held(tx, run_id)
    if run.status.terminal:
        raise Conflict(f"run {run_id} is over ({run.status}) and cannot be cancelled")
    return move_run(tx, run_id, CancelAsked(reason=f"cancelled by {by}"), now)


def approve(tx: Tx, run_id: int, by: str, seen: Seen, now: datetime) -> Moved:
    run = _held(tx, run_id)
    if run.status.terminal or run.gate is not Gate.APPROVAL:
        raise Conflict(f"run {run_id} does not wait for an approval ({run.status})")
    approval = Approval(
        commit=seen.commit or run.trigger.commit,
        config_digest=seen.config_digest or run.config_digest,
        by=by,
        at=now,
    )
    if not covers(approval, run):
        raise Conflict(
            f"run {run_id} is of commit {run.trigger.commit} with config {run.config_digest}: that is not what was seen"
        )
    tx.runs.save(replace(run, approval=approval))
    detail = {
        "number": run.number,
        "by": by,
        "commit": approval.commit,
        "config_digest": approval.config_digest,
    }
    event = run_event(EventKind.RUN_APPROVED, run, run.status, now)
    tx.events.append([replace(event, detail=detail)])
    return move_run(tx, run_id, Approved(), now)


def open_gate(tx: Tx, run_id: int, name: str, by: str, now: datetime) -> Moved:
    run = _held(tx, run_id)
    job = next((job for job in tx.jobs.of((run_id,)) if name in (str(job.id), job.key)), None)
    if job is None:
        raise NotFound(f"job in run {run_id}:", name)
    if job.status is not Status.WAITING:
        raise Conflict(f'job "{job.key}" does not wait for an approval ({job.status})')
    event = NewEvent(
        kind=EventKind.JOB_APPROVED,
        at=now,
        organisation_id=run.organisation_id,
        run_id=run_id,
        job_id=job.id,
        status=job.status,
        detail={"job": job.key, "by": by},
    )
    tx.events.append([event])
    return move_run(tx, run_id, Opened(key=job.key, by=by), now)


def _held(tx: Tx, run_id: int) -> Run:
    run = tx.runs.hold(run_id)
    if run is None:
        raise NotFound("run", run_id)
    return run
