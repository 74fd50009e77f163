"""A local run as one JSON event a line."""

import json
from collections.abc import Iterator
from typing import TextIO

from flowforge.cli.step_lines import StepLines
from flowforge.services.local_events import (
    JobFinished,
    JobResult,
    JobStarted,
    LocalEvent,
    RunFinished,
    StepFinished,
    StepOutput,
)


class JsonView:
    """`text` of a `log` event is one line with its newline; joined, they are the step's output."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lines: dict[str, StepLines] = {}

    def hear(self, event: LocalEvent) -> None:
        text = "".join(json.dumps(value) + "\n" for value in self._values(event))
        if text:
            self._out.write(text)
            self._out.flush()

    def refresh(self) -> None:
        """Nothing moves here."""

    def _values(self, event: LocalEvent) -> Iterator[dict[str, object]]:
        match event:
            case JobStarted():
                yield {"event": "job_started", "job": event.job, "attempt": event.attempt}
            case StepOutput():
                lines = self._lines.setdefault(event.job, StepLines())
                yield from (_log(event.job, event.step, line) for line in lines.feed(event.data))
            case StepFinished():
                if event.job in self._lines:
                    yield from (
                        _log(event.job, event.step, line) for line in self._lines.pop(event.job).end()
                    )
                yield _step(event)
            case JobFinished():
                yield {
                    "event": "job_finished",
                    "job": event.job,
                    "status": event.status,
                    "cause": event.cause,
                    "reason": event.reason,
                    "seconds": round(event.seconds, 3),
                }
            case RunFinished():
                yield {
                    "event": "finished",
                    "status": event.status,
                    "reason": event.reason,
                    "seconds": round(event.seconds, 3),
                    "jobs": [_job(job) for job in event.jobs],
                }


def _log(job: str, step: str, text: str) -> dict[str, object]:
    return {"event": "log", "job": job, "step": step, "text": text}


def _step(event: StepFinished) -> dict[str, object]:
    return {
        "event": "step_finished",
        "job": event.job,
        "step": event.step,
        "status": event.status,
        "cause": event.cause,
        "exit_code": event.exit_code,
        "seconds": round(event.seconds, 3),
    }


def _job(job: JobResult) -> dict[str, object]:
    steps = [{"name": step.name, "status": step.status, "exit_code": step.exit_code} for step in job.steps]
    return {
        "name": job.name,
        "status": job.status,
        "cause": job.cause,
        "reason": job.reason,
        "seconds": round(job.seconds, 3),
        "steps": steps,
    }
