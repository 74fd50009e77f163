"""A server's run, asked again and again, as the events that a local run tells."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowforge.cli.client import Api
from flowforge.cli.list_runs import status_of
from flowforge.model.status import Cause, Status
from flowforge.services.local_events import (
    JobFinished,
    JobResult,
    JobStarted,
    LocalEvent,
    RunFinished,
    StepFinished,
    StepOutput,
    StepResult,
    StepStarted,
)


@dataclass(slots=True)
class _Followed:
    """How much of a job was told: its log up to `told`, and which steps wholly."""

    attempt: int = 0
    told: int = 0
    steps: set[int] = field(default_factory=set)
    begun: bool = False
    over: bool = False
    log: bytearray = field(default_factory=bytearray)


class RunFollower:
    def __init__(self, server: Api, run: int) -> None:
        self._server = server
        self._run = run
        self._jobs: dict[str, _Followed] = {}
        self.over = False

    def look(self) -> Iterator[LocalEvent]:
        """What is new since the last look. The logs are read before the steps are, so that whatever was read belongs
        to a step that is known."""
        for key, job in self._jobs.items():
            if job.attempt and not job.over:
                self._read(key, job)
        run = self._server.get(f"/api/v1/runs/{self._run}")
        for value in run.get("jobs") or ():
            yield from self._job(value)
        if status_of(run).terminal and all(job.over for job in self._jobs.values()):
            self.over = True
            yield _result(run)

    def _read(self, key: str, job: _Followed) -> None:
        at = job.told + len(job.log)
        path = f"/api/v1/runs/{self._run}/jobs/{key}/log"
        with self._server.stream(path, {"Accept-Encoding": "identity", "Range": f"bytes={at}-"}) as answer:
            if answer.status_code == 206:
                for chunk in answer.iter_raw():
                    job.log += chunk

    def _job(self, value: Mapping[str, Any]) -> Iterator[LocalEvent]:
        key, name, status = str(value["id"]), str(value["key"]), status_of(dict(value))
        job = self._jobs.setdefault(key, _Followed())
        if job.over:
            return
        if value["attempt"] > job.attempt:
            self._jobs[key] = job = _Followed(attempt=value["attempt"])
            yield JobStarted(job=name, attempt=job.attempt)
        if status.terminal and job.attempt:
            self._read(key, job)
        for step in _untold(job, value["steps"]):
            yield from self._step(name, job, step)
            if step["index"] not in job.steps:
                break
        if status.terminal:
            job.over = True
            yield JobFinished(
                job=name,
                status=status,
                cause=_cause(value),
                reason=value["reason"] or "",
                seconds=value["duration_seconds"] or 0.0,
            )

    def _step(self, name: str, job: _Followed, value: Mapping[str, Any]) -> Iterator[LocalEvent]:
        index, step, status = value["index"], value["name"], status_of(dict(value))
        end = value["log_end"] if status.terminal else None
        if end is not None and end > job.told + len(job.log):
            return
        data = bytes(job.log if end is None else job.log[: max(0, end - job.told)])
        if not job.begun and (data or status not in (Status.PENDING, Status.SKIPPED)):
            job.begun = True
            yield StepStarted(job=name, index=index, step=step)
        if data:
            del job.log[: len(data)]
            job.told += len(data)
            yield StepOutput(job=name, index=index, step=step, data=data)
        if status.terminal:
            job.steps.add(index)
            job.begun = False
            yield _step_finished(name, value, status)


def _untold(job: _Followed, steps: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """In the order of their output, which background steps have last: one that waits does so behind all that do not."""
    left = [step for step in steps if step["index"] not in job.steps]
    return sorted(
        left, key=lambda step: (status_of(dict(step)) is Status.PENDING, step["log_start"], step["index"])
    )


def _step_finished(job: str, value: Mapping[str, Any], status: Status) -> StepFinished:
    return StepFinished(
        job=job,
        index=value["index"],
        step=value["name"],
        status=status,
        cause=_cause(value),
        reason=value["reason"] or "",
        exit_code=value["exit_code"],
        seconds=value["duration_seconds"] or 0.0,
    )


def _result(run: Mapping[str, Any]) -> RunFinished:
    return RunFinished(
        status=status_of(dict(run)),
        reason=run["reason"] or "",
        seconds=run["duration_seconds"] or 0.0,
        jobs=tuple(_job_result(job) for job in run["jobs"]),
    )


def _job_result(job: Mapping[str, Any]) -> JobResult:
    steps = tuple(
        StepResult(name=step["name"], status=status_of(dict(step)), exit_code=step["exit_code"])
        for step in job["steps"]
    )
    return JobResult(
        name=job["key"],
        status=status_of(dict(job)),
        cause=_cause(job),
        reason=job["reason"] or "",
        seconds=job["duration_seconds"] or 0.0,
        steps=steps,
    )


def _cause(value: Mapping[str, Any]) -> Cause | None:
    cause = value["cause"]
    return Cause(cause) if cause in tuple(Cause) else None
