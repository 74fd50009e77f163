"""Attempts and their steps."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from flowforge.errors import NotFound
from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.step_run import StepRun
from flowforge.testing.store.tables import Tables, expect_owner


class MemoryAttempts:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, attempt: Attempt) -> None:
        key = attempt.key
        expect_owner(key.job in self._tables.jobs, "job", key.job)
        self._tables.attempts.add((key.job, key.number), attempt)

    def get(self, key: AttemptKey) -> Attempt | None:
        attempt = self._tables.attempts.get((key.job, key.number))
        return attempt if attempt is not None and attempt.key == key else None

    def save(self, attempt: Attempt) -> None:
        key = attempt.key
        if self.get(key) is None:
            raise NotFound("attempt", key)
        self._tables.attempts.put((key.job, key.number), attempt)

    def of(self, *job_ids: int) -> Sequence[Attempt]:
        rows = [a for a in self._tables.attempts if a.key.job in job_ids]
        return sorted(rows, key=lambda a: (a.key.job, a.key.number))

    def claimed(self, runner_id: int, token: str) -> Attempt | None:
        wanted = (runner_id, token)
        return next((a for a in self._tables.attempts if (a.runner_id, a.token) == wanted), None)

    def live(self, runner_id: int | None = None) -> Sequence[Attempt]:
        rows = [a for a in self._tables.attempts if not a.status.terminal]
        return sorted((a for a in rows if runner_id in (None, a.runner_id)), key=lambda a: a.key)

    def beat(self, keys: Collection[AttemptKey]) -> None:
        for key in keys:
            attempt = self.get(key)
            if attempt is not None and not attempt.status.terminal:
                self.save(replace(attempt, beat=attempt.beat + 1))


class MemorySteps:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def save(self, steps: Sequence[StepRun]) -> None:
        for step in steps:
            key = step.attempt
            expect_owner((key.job, key.number) in self._tables.attempts, "attempt", key)
            self._tables.steps.put((key.job, key.number, step.index), step)

    def of(self, attempts: Collection[AttemptKey]) -> Sequence[StepRun]:
        rows = [s for s in self._tables.steps if s.attempt in attempts]
        return sorted(rows, key=lambda s: (s.attempt, s.index))
