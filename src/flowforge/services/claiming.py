"""Which job a runner is given: one it may carry out, of the project that has the least, and the same one when it asks again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from flowforge.engine.state import Claimed
from flowforge.errors import LeaseLost, NotFound
from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.claim import Lease
from flowforge.model.job_run import JobRun
from flowforge.model.lane import Lane
from flowforge.model.order import JobOrder
from flowforge.model.runner import Runner
from flowforge.model.step_run import StepRun
from flowforge.ports import Tx
from flowforge.services.progress import move_run

LOOKED_AT = 5
"""Ready jobs of a lane looked at for one claim."""
LOOKS_IN_A_LEASE = 8
"""So often in a lease it is noted that a runner asks: each claim of one that waits, not each job's end of a busy one."""


@dataclass(slots=True)
class Turns:
    """When each project had its last turn, as far as this process knows: of two that have equally much, the one that
    waited longer comes first. Forgotten with the process, which makes nobody wait for long. `lease` is in seconds."""

    lease: float = 60.0
    _last: dict[int, int] = field(default_factory=dict)
    _count: int = 0

    def had(self, project_id: int) -> None:
        self._count += 1
        self._last[project_id] = self._count

    def of(self, project_id: int) -> int:
        return self._last.get(project_id, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """`again` says that it was handed out before, under the same token."""

    lease: Lease
    order: JobOrder
    project_id: int
    again: bool = False


def take(tx: Tx, runner_id: int, token: str, now: datetime, turns: Turns) -> Taken | None:
    """The job handed out under this token before, else a ready one as a new attempt under it."""
    runner = known_runner(tx, runner_id)
    fresh = timedelta(seconds=turns.lease / LOOKS_IN_A_LEASE)
    if not (_is_within(fresh, runner.asked_at, now) and _is_within(fresh, runner.seen_at, now)):
        runner = replace(runner, seen_at=now, asked_at=now)
        tx.runners.save(runner)
    before = tx.attempts.claimed(runner_id, token)
    if before is not None:
        return _again(tx, before)
    if not _may_take(tx, runner):
        return None
    for lane in in_turn(tx, runner, turns):
        for ready in tx.jobs.ready(LOOKED_AT, lane):
            tx.runs.hold(ready.run_id)
            job = tx.jobs.get(ready.id)
            if job is not None and job.order is not None and job.ready:
                return _new(tx, runner, job, job.order, lane, token, now)
    return None


def is_worth_asking(tx: Tx, runner_id: int) -> bool:
    """Whether there is a job that the runner may take, as far as a look can tell: of all that wait for one only those
    that have a chance go through the one writer."""
    runner = known_runner(tx, runner_id)
    return _may_take(tx, runner) and any(runner.serves(lane) for lane in tx.jobs.lanes())


def _may_take(tx: Tx, runner: Runner) -> bool:
    return not runner.draining and not (
        runner.most_slots and len(tx.attempts.live(runner.id)) >= runner.most_slots
    )


def _is_within(span: timedelta, at: datetime | None, now: datetime) -> bool:
    return at is not None and timedelta() <= now - at < span


def in_turn(tx: Tx, runner: Runner, turns: Turns) -> Sequence[Lane]:
    """The lanes that the runner serves: those of the project with the fewest running jobs first, so that one that
    queues thousands takes no more than its share."""
    lanes = [lane for lane in tx.jobs.lanes() if runner.serves(lane)]
    if len({lane.project_id for lane in lanes}) < 2:
        return lanes
    running = tx.jobs.running()
    return sorted(lanes, key=lambda lane: (running.get(lane.project_id, 0), turns.of(lane.project_id)))


def _again(tx: Tx, attempt: Attempt) -> Taken:
    job, run = tx.jobs.get(attempt.key.job), tx.runs.get(attempt.key.run)
    lease = Lease(attempt=attempt.key, token=attempt.token)
    if attempt.status.terminal or job is None or job.order is None or run is None:
        raise LeaseLost(f"attempt {attempt.key} was superseded or is over")
    tx.attempts.beat([attempt.key])
    return Taken(lease=lease, order=job.order, project_id=run.project_id, again=True)


def _new(
    tx: Tx, runner: Runner, job: JobRun, order: JobOrder, lane: Lane, token: str, now: datetime
) -> Taken:
    move_run(tx, job.run_id, Claimed(key=job.key, runner=runner.name), now)
    key = AttemptKey(run=job.run_id, job=job.id, number=job.attempt + 1)
    tx.attempts.add(Attempt(key=key, runner_id=runner.id, token=token, started_at=now))
    tx.steps.save([StepRun(attempt=key, index=step.index, name=step.name) for step in order.steps])
    return Taken(lease=Lease(attempt=key, token=token), order=order, project_id=lane.project_id)


def known_runner(tx: Tx, runner_id: int) -> Runner:
    runner = tx.runners.get(runner_id)
    if runner is None:
        raise NotFound("runner", runner_id)
    return runner


def unserved(tx: Tx, runners: Sequence[Runner]) -> Iterator[Lane]:
    """Lanes in which jobs wait that none of these runners may take."""
    return (lane for lane in tx.jobs.lanes() if not any(runner.serves(lane) for runner in runners))
