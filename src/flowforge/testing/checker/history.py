"""Everything a store recorded, as one value."""

from collections.abc import Iterator
from dataclasses import dataclass

from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.commit_status import StatusDebt
from flowforge.model.delivery import Delivery
from flowforge.model.event import Event
from flowforge.model.job_run import JobRun
from flowforge.model.run import Run
from flowforge.model.step_run import StepRun
from flowforge.ports import Tx

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    runs: tuple[Run, ...]
    jobs: tuple[JobRun, ...]
    attempts: tuple[Attempt, ...]
    steps: tuple[StepRun, ...]
    deliveries: tuple[Delivery, ...]
    debts: tuple[StatusDebt, ...]
    events: tuple[Event, ...]

    def jobs_of(self, run: Run) -> tuple[JobRun, ...]:
        return tuple(job for job in self.jobs if job.run_id == run.id)

    def attempts_of(self, job: JobRun) -> tuple[Attempt, ...]:
        return tuple(attempt for attempt in self.attempts if attempt.key.job == job.id)

    def steps_of(self, key: AttemptKey) -> tuple[StepRun, ...]:
        return tuple(step for step in self.steps if step.attempt == key)


def read_history(tx: Tx) -> History:
    runs = tuple(sorted(_runs(tx), key=lambda run: run.id))
    jobs = tuple(tx.jobs.of([run.id for run in runs]))
    attempts = tuple(attempt for job in jobs for attempt in tx.attempts.of(job.id))
    debts = (tx.debts.get(run.id) for run in runs)
    return History(
        runs=runs,
        jobs=jobs,
        attempts=attempts,
        steps=tuple(tx.steps.of([attempt.key for attempt in attempts])),
        deliveries=tuple(_deliveries(tx)),
        debts=tuple(debt for debt in debts if debt),
        events=tuple(_events(tx)),
    )


def _runs(tx: Tx) -> Iterator[Run]:
    after = None
    while page := tx.runs.newest(PAGE, after=after):
        yield from page
        after = page[-1].id


def _events(tx: Tx) -> Iterator[Event]:
    after = 0
    while page := tx.events.since(after, PAGE):
        yield from page
        after = page[-1].id


def _deliveries(tx: Tx) -> Iterator[Delivery]:
    after = 0
    while page := tx.deliveries.since(after, PAGE):
        yield from page
        after = page[-1].id
