"""What does not happen: leases nobody renews, jobs nobody can take."""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from flowforge.engine.state import Unserved
from flowforge.errors import FlowForgeError
from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.claim import Outcome
from flowforge.model.job_run import JobRun
from flowforge.model.runner import Runner
from flowforge.model.status import Cause, Status
from flowforge.ports import Bell, Clock, Store, Tx
from flowforge.services.attempts import end_attempt
from flowforge.services.progress import Moved, move_run

log = structlog.get_logger()

LOOKED_AT = 500
"""Ready jobs looked at in one round."""


@dataclass(slots=True)
class Stillness:
    """For how long, by this process's own monotonic clock, each thing was seen unchanged. A wall clock that jumps and
    a server that was away therefore take nothing from anybody."""

    _seen: dict[Hashable, tuple[object, float]] = field(default_factory=dict)

    def of(self, key: Hashable, value: object, now: float) -> float:
        before = self._seen.get(key)
        if before is None or before[0] != value:
            self._seen[key] = (value, now)
            return 0.0
        return now - before[1]

    def forget_all_but(self, keys: set[Hashable]) -> None:
        self._seen = {key: seen for key, seen in self._seen.items() if key in keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """In seconds: how long a lease lives without renewal, and a job without any runner that could take it."""

    lease: float
    engine: float


@dataclass(frozen=True, slots=True)
class Watch:
    store: Store
    bell: Bell
    clock: Clock
    patience: Patience
    _leases: Stillness = field(default_factory=Stillness)
    _runners: Stillness = field(default_factory=Stillness)
    _waits: Stillness = field(default_factory=Stillness)

    async def serve(self) -> None:
        """Look around four times a lease, until cancelled."""
        while True:
            try:
                await self.end_lost_attempts()
                await self.end_unserved_jobs()
            except FlowForgeError as error:
                log.warning("watch round failed, next one follows", error=error.message)
            await asyncio.sleep(self.patience.lease / 4)

    async def end_lost_attempts(self) -> None:
        live = await self.store.read(lambda tx: tx.attempts.live())
        now = self.clock.monotonic()
        expired = [a for a in live if self._leases.of(a.key, a.beat, now) > self.patience.lease]
        self._leases.forget_all_but({attempt.key for attempt in live})
        for attempt in expired:
            await self._end_lost(attempt)

    async def _end_lost(self, attempt: Attempt) -> None:
        key, known, now = attempt.key, attempt.beat, self.clock.now()
        log.warning("attempt lost: its lease was not renewed", attempt=str(key))
        moved = await self.store.write(lambda tx: lose(tx, key, known, self.patience.lease, now))
        if moved:
            moved.ring(self.bell)

    async def end_unserved_jobs(self) -> None:
        """A job that no runner could take for too long fails; until then it says what it waits for."""
        ready, runners = await self.store.read(lambda tx: (tx.jobs.ready(LOOKED_AT), tx.runners.all()))
        now = self.clock.monotonic()
        still = [self._runners.of(runner.id, runner.seen_at, now) for runner in runners]
        served = any(r.seen_at and s <= self.patience.lease for r, s in zip(runners, still, strict=True))
        for job in ready:
            waited = self._waits.of((job.id, job.attempt), served, now)
            if not served:
                await self._unserved(job, waited, _why_unserved(runners))
        self._waits.forget_all_but({(job.id, job.attempt) for job in ready})

    async def _unserved(self, job: JobRun, waited: float, why: str) -> None:
        now = self.clock.now()
        if waited <= self.patience.engine:
            if job.reason != why:
                await self.store.write(lambda tx: explain(tx, job.id, why))
            return
        reason = f"no runner could take the job for {self.patience.engine:.0f} s: {why}"
        event = Unserved(key=job.key, reason=reason)
        moved = await self.store.write(lambda tx: move_run(tx, job.run_id, event, now))
        moved.ring(self.bell)


def lose(tx: Tx, key: AttemptKey, known_beat: int, lease: float, now: datetime) -> Moved | None:
    """Give the attempt up, unless it was renewed or ended meanwhile."""
    tx.runs.hold(key.run)
    attempt = tx.attempts.get(key)
    if attempt is None or attempt.status.terminal or attempt.beat != known_beat:
        return None
    reason = f"its runner was not heard of for {lease:.0f} s"
    return end_attempt(tx, attempt, Outcome(status=Status.FAILURE, cause=Cause.LOST, reason=reason), now)


def explain(tx: Tx, job_id: int, why: str) -> None:
    job = tx.jobs.get(job_id)
    if job and job.ready:
        tx.jobs.save(replace(job, reason=why))


def _why_unserved(runners: Sequence[Runner]) -> str:
    notes = [f"{runner.name}: {runner.note}" for runner in runners if runner.note]
    return "; ".join(notes) or "no runner is connected"
