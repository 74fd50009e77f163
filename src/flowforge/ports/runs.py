"""Rows of runs and what they are made of."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from flowforge.model.attempt import Attempt, AttemptKey
from flowforge.model.job_run import JobRun, Standing
from flowforge.model.lane import Lane
from flowforge.model.run import Run
from flowforge.model.step_run import StepRun


class Runs(Protocol):
    def add(self, runs: Sequence[Run]) -> None: ...
    def get(self, id: int) -> Run | None: ...

    def hold(self, id: int) -> Run | None:
        """Like `get`, without `config_text`, and nobody else changes the run or its jobs until this transaction ends."""
        ...

    def save(self, run: Run) -> None:
        """Replace the row of an existing run."""
        ...

    def newest(
        self,
        limit: int,
        *,
        after: int | None = None,
        project_id: int | None = None,
        branch: str | None = None,
        status: str | None = None,
    ) -> Sequence[Run]:
        """By id descending, without `config_text`; `after` is the last id of the page before."""
        ...

    def unplanned(self, each: int | None = None) -> Mapping[int, str]:
        """Ids of runs that are not over and have no `planned_at`, oldest first, each with its project's origin. With
        `each`, so many of one project at most."""
        ...

    def open(self) -> Sequence[int]:
        """Ids of planned runs that are not over, oldest first."""
        ...


class Jobs(Protocol):
    def add(self, jobs: Sequence[JobRun]) -> None: ...
    def get(self, id: int) -> JobRun | None: ...

    def of(self, run_ids: Collection[int]) -> Sequence[JobRun]:
        """In plan order, run by run, without their orders."""
        ...

    def save(self, job: JobRun) -> None:
        """Replace the row of an existing job; `order` stays as it was added."""
        ...

    def ready(self, limit: int, lane: Lane | None = None) -> Sequence[JobRun]:
        """Jobs that wait for a runner, of one lane or of all, oldest `ready_at` first; those that another transaction
        holds are left out. Without their orders."""
        ...

    def lanes(self) -> Sequence[Lane]:
        """Those in which a job waits. Takes time by their number, not by that of the jobs."""
        ...

    def running(self) -> Mapping[int, int]:
        """How many attempts are not over, by project."""
        ...


class Neighbours(Protocol):
    """What of a run bears on one of its jobs: little, also where the run has thousands. Jobs come without orders."""

    def job(self, run_id: int, key: str) -> JobRun | None: ...

    def blocked_by(self, run_id: int, key: str) -> Sequence[JobRun]:
        """Those that need it and whose needs are not met, in plan order."""
        ...

    def open(self, run_id: int) -> Collection[str]:
        """Keys of the jobs that are not over."""
        ...

    def standings(self, run_id: int, key: str) -> Collection[Standing]:
        """The ways in which all but this one of the jobs that are not over stand, each once."""
        ...


class Turns(Protocol):
    """Who goes one after the other. In a write, nobody else joins or leaves a group that was asked about until the
    transaction ends."""

    def runs(self, project_id: int, group: str) -> Sequence[Run]:
        """Those of the group that are planned, not over and not held for an approval, oldest first, without
        `config_text`."""
        ...

    def newest_run(self, project_id: int, group: str) -> int:
        """The id of the newest run that was ever let into the group or stands in line for it, not counting those that
        were skipped; 0 where there is none."""
        ...

    def jobs(self, organisation_id: int, serial_group: str) -> Sequence[JobRun]:
        """Those of the group whose needs are met and that are not over, longest waiting first, without their orders.
        And all of it, whatever became of them, that hold it together with others of their run of which one is not over."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[JobRun]:
        """Jobs that were tried before and are not ready although their `ready_at` has come, oldest first, without their
        orders."""
        ...


class Attempts(Protocol):
    def add(self, attempt: Attempt) -> None: ...
    def get(self, key: AttemptKey) -> Attempt | None: ...
    def save(self, attempt: Attempt) -> None: ...
    def of(self, *job_ids: int) -> Sequence[Attempt]:
        """By job, then number."""
        ...

    def claimed(self, runner_id: int, token: str) -> Attempt | None:
        """What the runner was given under this token, also one that is over."""
        ...

    def live(self, runner_id: int | None = None) -> Sequence[Attempt]:
        """Those that are not over, of one runner or of all."""
        ...

    def beat(self, keys: Collection[AttemptKey]) -> None:
        """Raise the renewal counter of those that are not over."""
        ...


class Steps(Protocol):
    def save(self, steps: Sequence[StepRun]) -> None:
        """Insert or replace, by attempt and index."""
        ...

    def of(self, attempts: Collection[AttemptKey]) -> Sequence[StepRun]:
        """By attempt, then index."""
        ...
