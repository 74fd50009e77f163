"""What does not happen: leases nobody renews, jobs nobody can take."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import structlog

from flowforge.engine.state import Unserved
from flowforge.errors import FlowForgeError
from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.claim import Outcome
from flowforge.model.job_run import JobRun
from flowforge.model.lane import Lane
from flowforge.model.runner import Runner
from flowforge.model.status import Cause, Status
from flowforge.ports import Bell, Clock, Logs, Store, Tx
from flowforge.services.attempts import end_attempt
from flowforge.services.claiming import unserved
from flowforge.services.progress import Moved, let_in, move_run

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)

READER = "watch"
SEALER = "log-seals"
"""Its place in the stream is behind every end whose log is known to be sealed."""
LOOKS_IN_A_LEASE = 4
LOOKED_AT = 500
"""Ready jobs of one lane looked at in one round."""
LOOKED_BACK = 1_000
"""Events that are read together at a start, and at least: another server may have moved the place in the stream."""
LONGEST_LAG = 500
"""Events behind which the place in the stream is moved."""


@dataclass(slots=True)
class Stillness:
    """For how long, by this process's own monotonic clock, each thing was seen unchanged. Only time that was watched
    counts: from one look to the next at most `most` seconds, so a wall clock that jumps, a server that was away and a
    database that did not answer take nothing from anybody."""

    most: float
    _looked: dict[str, float] = field(default_factory=dict)
    _seen: dict[str, dict[Hashable, tuple[object, float]]] = field(default_factory=lambda: defaultdict(dict))

    def of(self, kind: str, values: Mapping[K, object], now: float) -> dict[K, float]:
        """All things of a kind with their present values; those not named any more are forgotten."""
        passed = min(self.most, now - self._looked.get(kind, now))
        before = self._seen[kind]
        still = {
            key: before[key][1] + passed if key in before and before[key][0] == value else 0.0
            for key, value in values.items()
        }
        self._looked[kind] = now
        self._seen[kind] = {key: (values[key], seconds) for key, seconds in still.items()}
        return still

    def begin_anew(self) -> None:
        self._looked.clear()
        self._seen.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """In seconds: how long a lease lives without renewal, and a job without any runner that could take it."""

    lease: float
    engine: float


@dataclass(slots=True)
class Watch:
    store: Store
    logs: Logs
    bell: Bell
    clock: Clock
    patience: Patience
    _still: Stillness = field(init=False)
    _unsealed: set[AttemptKey] | None = None

    def __post_init__(self) -> None:
        self._still = Stillness(2 * self._interval)

    @property
    def _interval(self) -> float:
        return self.patience.lease / LOOKS_IN_A_LEASE

    async def serve(self) -> None:
        """Look around, until cancelled. After a round that failed all patience begins anew: those who are watched could
        not reach the database either."""
        while True:
            try:
                await self.end_lost_attempts()
                await self.seal_ended_logs()
                await self.let_in_due_jobs()
                await self.end_unserved_jobs()
            except FlowForgeError as error:
                log.warning("watch round failed, next one follows", error=error.message)
                self._still.begin_anew()
            await asyncio.sleep(self._interval)

    async def end_lost_attempts(self) -> None:
        live = await self.store.read(lambda tx: tx.attempts.live())
        if live:
            await self.store.write(prove_writable)
        still = self._still.of("lease", {a.key: a.beat for a in live}, self.clock.monotonic())
        for attempt in live:
            if still[attempt.key] > self.patience.lease:
                await self._end_lost(attempt)

    async def _end_lost(self, attempt: Attempt) -> None:
        key, known, now = attempt.key, attempt.beat, self.clock.now()
        log.warning("attempt lost: its lease was not renewed", attempt=str(key))
        moved = await self.store.write(lambda tx: lose(tx, key, known, self.patience.lease, now))
        if moved:
            await self._seal(key)
            moved.ring(self.bell)

    async def seal_ended_logs(self) -> None:
        """Whoever ends an attempt from here writes no more of its log, and followers wait until somebody says so. A
        server that died before it could is made up for at the first look."""
        live, last, seen = await self.store.read(_where_it_stands)
        is_first = self._unsealed is None
        if self._unsealed is None:
            lately = max(0, last - LOOKED_BACK)
            self._unsealed = await self._ended_since(min(seen or lately, lately))
        left = {key for key in sorted(self._unsealed - live) if not await self._seal(key)}
        self._unsealed = live | left
        if not left and last - seen >= (1 if is_first else LONGEST_LAG):
            await self.store.write(lambda tx: tx.events.move(SEALER, max(last, tx.events.cursor(SEALER))))

    async def _ended_since(self, at: int) -> set[AttemptKey]:
        """However long ago a server died before it had sealed them."""
        found: set[AttemptKey] = set()
        while page := await self.store.read(lambda tx: tx.events.since(at, LOOKED_BACK)):  # noqa: B023
            jobs = {event.job_id for event in page if event.job_id}
            found |= await self.store.read(lambda tx: _ended(tx, jobs))  # noqa: B023
            at = page[-1].id
        return found

    async def _seal(self, key: AttemptKey) -> bool:
        try:
            if not (await self.logs.size(key)).sealed:
                await self.logs.seal(key)
        except (FlowForgeError, OSError) as error:
            log.warning("a log could not be sealed, will be tried again", attempt=str(key), error=str(error))
            return False
        return True

    async def let_in_due_jobs(self) -> None:
        """A job that waited after a breakdown may be taken again once its pause is over."""
        now = self.clock.now()
        for job in await self.store.read(lambda tx: tx.turns.due(now, LOOKED_AT)):
            moved = await self.store.write(lambda tx: let_in(tx, job, now))  # noqa: B023
            if moved:
                moved.ring(self.bell)

    async def end_unserved_jobs(self) -> None:
        """A job that no runner could take for too long fails; until then it says what it waits for."""
        runners, live = await self.store.read(lambda tx: (tx.runners.all(), tx.attempts.live()))
        now = self.clock.monotonic()
        silent = self._still.of("runner", {r.id: r.asked_at for r in runners}, now)
        held = Counter(attempt.runner_id for attempt in live)
        at_work = [
            r
            for r in runners
            if is_full(r, held[r.id]) or (r.asked_at and silent[r.id] <= self.patience.lease)
        ]
        waiting = await self.store.read(lambda tx: waiting_in_vain(tx, at_work))
        jobs = {(job.id, job.attempt): False for _, found in waiting for job in found}
        waited = self._still.of("job", jobs, now)
        for lane, found in waiting:
            for job in found:
                await self._unserved(job, waited[job.id, job.attempt], why_unserved(lane, runners, at_work))

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


def prove_writable(tx: Tx) -> None:
    """A database that can be read and not written, with its disk full perhaps, takes no renewals either: a round that
    cannot write this judges nobody."""
    tx.events.move(READER, tx.events.last())


def is_full(runner: Runner, held: int) -> bool:
    """One without a free slot asks for nothing, and will once a job ends. What it holds is live, or soon lost."""
    return held >= runner.slots > 0


def lose(tx: Tx, key: AttemptKey, known_beat: int, lease: float, now: datetime) -> Moved | None:
    """Give the attempt up, unless it was renewed or ended meanwhile."""
    tx.runs.hold(key.run)
    attempt = tx.attempts.get(key)
    if attempt is None or attempt.status.terminal or attempt.beat != known_beat:
        return None
    reason = f"its runner was not heard of for {lease:.0f} s"
    return end_attempt(tx, attempt, Outcome(status=Status.FAILURE, cause=Cause.LOST, reason=reason), now)


def _where_it_stands(tx: Tx) -> tuple[set[AttemptKey], int, int]:
    """Who is live, the newest event, and the one behind whose ends all is sealed."""
    return {attempt.key for attempt in tx.attempts.live()}, tx.events.last(), tx.events.cursor(SEALER)


def _ended(tx: Tx, jobs: Collection[int]) -> set[AttemptKey]:
    return {attempt.key for attempt in tx.attempts.of(*jobs) if attempt.status.terminal}


def explain(tx: Tx, job_id: int, why: str) -> None:
    job = tx.jobs.get(job_id)
    if job and job.ready:
        tx.jobs.save(replace(job, reason=why))


def waiting_in_vain(tx: Tx, at_work: Sequence[Runner]) -> Sequence[tuple[Lane, Sequence[JobRun]]]:
    """Jobs that none of these runners may take."""
    return [(lane, tx.jobs.ready(LOOKED_AT, lane)) for lane in unserved(tx, at_work)]


def why_unserved(lane: Lane, runners: Sequence[Runner], at_work: Sequence[Runner]) -> str:
    """In one sentence."""
    fit = [runner for runner in runners if runner.serves(lane)]
    notes = [f"{runner.name}: {runner.note}" for runner in fit if runner.note]
    if notes:
        return "; ".join(notes)
    if not runners or (fit and not at_work):
        return "no runner is connected"
    if fit:
        return f"no runner that may take it is connected: {', '.join(runner.name for runner in fit)}"
    wanted = f"has the labels {', '.join(lane.labels)} and " if lane.labels else ""
    whose = "this project" if lane.trusted else "somebody else's code of this project"
    return f"no runner {wanted}takes {whose}"
