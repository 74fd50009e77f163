"""What a scenario's JSON may say, and how a run is held to it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
CONFIG = ".flowforge/ci.yml"
KEYS = {"on", "path", "files", "status", "cause", "reason", "commit", "jobs"}
JOB_KEYS = {
    "status", "cause", "reason", "reason_has", "log", "log_begins", "log_ends", "steps", "allowed_failure", "attempts",
}  # fmt: skip


@dataclass(frozen=True)
class Scenario:
    """`on` names the executors it runs on, docker unless said otherwise. A job's `steps` give status and exit code of
    each, its `attempts` the cause of each, in order; what the JSON does not mention is not looked at, but for causes and
    allowed failures."""

    name: str
    pipeline: bytes
    expected: Mapping[str, Any]

    @property
    def on(self) -> tuple[str, ...]:
        return tuple(self.expected.get("on", ("docker",)))

    @property
    def files(self) -> dict[str, bytes]:
        texts = self.expected.get("files", {})
        files = {path: text.encode() for path, text in texts.items()}
        return {self.expected.get("path", CONFIG): self.pipeline, **files}


def scenarios() -> list[Scenario]:
    return [
        Scenario(path.stem, path.read_bytes(), json.loads(path.with_suffix(".json").read_text()))
        for path in sorted(FOLDER.glob("*.yml"))
    ]


def differences(scenario: Scenario, run: Mapping[str, Any], logs: Mapping[str, str]) -> list[str]:
    """One line for everything that is not as the JSON says."""
    return list(_differences(scenario.expected, run, logs))


def _differences(wanted: Mapping[str, Any], run: Mapping[str, Any], logs: Mapping[str, str]) -> Iterator[str]:
    yield from (f"what is {key}?" for key in wanted.keys() - KEYS)
    yield from _compare("run", wanted, run)
    jobs = {job["name"]: job for job in run["jobs"]}
    if set(jobs) != set(wanted["jobs"]):
        yield f"the jobs are {sorted(jobs)}"
    for name in jobs.keys() & wanted["jobs"].keys():
        yield from _job(name, wanted["jobs"][name], jobs[name], logs.get(name, ""))


def _job(name: str, wanted: Mapping[str, Any], job: Mapping[str, Any], log: str) -> Iterator[str]:
    yield from (f"what is {key}?" for key in wanted.keys() - JOB_KEYS)
    yield from _compare(name, wanted, job)
    if wanted.get("log", log) != log:
        yield f"the log of {name} is {log!r}"
    if not log.startswith(wanted.get("log_begins", "")) or not log.endswith(wanted.get("log_ends", "")):
        yield f"the log of {name} is {log!r}"
    if wanted.get("allowed_failure", False) != job["allowed_failure"]:
        yield f"{name} is {'' if job['allowed_failure'] else 'not '}allowed to fail"
    attempts = [attempt["cause"] for attempt in job["attempts"]]
    if wanted.get("attempts", attempts) != attempts:
        yield f"the attempts of {name} are {attempts}"
    steps = {step["name"]: [step["status"], step["exit_code"]] for step in job["steps"]}
    if list(wanted.get("steps", steps).items()) != list(steps.items()):
        yield f"the steps of {name} are {steps}"


def _compare(what: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    if found["status"] != wanted["status"] or found["cause"] != wanted.get("cause"):
        yield f"{what} is {found['status']}, cause {found['cause']}: {found['reason']}"
    reason = found["reason"] or ""
    if wanted.get("reason", reason) != reason or wanted.get("reason_has", "") not in reason:
        yield f"the reason of {what} is {reason!r}"
