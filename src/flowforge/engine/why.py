"""In one sentence, why a job stands where it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from flowforge.engine.turns import holder_of, may_join
from flowforge.model.job_run import JobRun
from flowforge.model.lane import Lane
from flowforge.model.run import Gate, Run
from flowforge.model.runner import Runner
from flowforge.model.status import Status

NAMED = 5
"""Jobs that one sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    runner: Runner
    online: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else bears on a run's jobs: `run_ahead` is the run that has its group's turn, `ahead` how many jobs of all
    runs a runner takes before each ready one, `lines` the jobs of each serial group."""

    run: Run
    jobs: Mapping[str, JobRun]
    now: datetime
    run_ahead: int | None = None
    ahead: Mapping[int, int] = field(default_factory=dict)
    machines: Sequence[Machine] = ()
    lines: Mapping[str, Sequence[JobRun]] = field(default_factory=dict)


def why_run(around: Surroundings) -> str:
    run = around.run
    if run.status.terminal or run.gate is not Gate.TURN or around.run_ahead is None:
        return run.reason
    return f"waits for run {around.run_ahead} in group {run.group}"


def why(job: JobRun, around: Surroundings) -> str:
    """Empty for one that runs or succeeded and has nothing to tell."""
    if job.status is not Status.PENDING:
        return job.reason
    if around.run.gate is not Gate.OPEN:
        return why_run(around)
    if job.ready:
        return _when_ready(job, around)
    if job.ready_at:
        return _together(job.reason, _for_its_turn(job, job.ready_at, around))
    return _for_needs(job, around)


def _for_needs(job: JobRun, around: Surroundings) -> str:
    left = [key for key in job.needs if not around.jobs[key].status.terminal]
    more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
    return f"waits for {', '.join(left[:NAMED])}{more}"


def _for_its_turn(job: JobRun, at: datetime, around: Surroundings) -> str:
    if job.attempt and at > around.now:
        return f"tried again at {at.astimezone(UTC):%H:%M:%S} UTC"
    group = job.terms.serial_group
    holder = holder_of(around.lines.get(group, ()))
    return (
        f'waits for job "{holder.key}" of run {holder.run_id} in group {group}'
        if holder and not may_join(job, holder)
        else "tried again soon"
    )


def _when_ready(job: JobRun, around: Surroundings) -> str:
    """What the row says of a first attempt was found out while nobody could take it, and may be over by now."""
    lane = Lane.of(around.run.project_id, job.terms.labels, trusted=around.run.trigger.trusted)
    online = [machine.runner for machine in around.machines if machine.online]
    fit = [runner for runner in online if runner.serves(lane)]
    if fit:
        return _together(job.reason if job.attempt else "", _for_one_of(fit, job, around))
    if job.reason and not job.attempt:
        return job.reason
    return _together(job.reason, _for_a_runner(job, lane, online))


def _for_one_of(fit: Sequence[Runner], job: JobRun, around: Surroundings) -> str:
    """All of them may take it: what keeps them all from it, or who is before it."""
    taking = [runner for runner in fit if not runner.draining]
    if not taking:
        return _for_those_who_drain(fit)
    if all(runner.note for runner in taking):
        return "; ".join(f"{runner.name}: {runner.note}" for runner in taking)
    return _for_a_place(job, around)


def _for_those_who_drain(runners: Sequence[Runner]) -> str:
    names = [runner.name for runner in runners[:NAMED]]
    more = f" and {len(runners) - NAMED} more" if len(runners) > NAMED else ""
    return f"waits for a runner that takes jobs: {', '.join(names)}{more} {'is' if len(runners) == 1 else 'are'} draining"


def _for_a_runner(job: JobRun, lane: Lane, online: Sequence[Runner]) -> str:
    wanted = frozenset(lane.labels)
    if wanted and not any(wanted <= set(runner.labels) for runner in online):
        has = f"{len(online)} online, none has them" if online else "none is online"
        return f"waits for a runner with the labels {','.join(job.terms.labels)} ({has})"
    if any(runner.serves(replace(lane, trusted=True)) for runner in online):
        return (
            f"waits for a runner that may run somebody else's code: {len(online)} online, none may; "
            "it needs one that keeps jobs in containers and is not bound to trusted code"
        )
    if online:
        return f"waits for a runner that may take it: {len(online)} online, none may"
    return "waits for a runner: none is online"


def _for_a_place(job: JobRun, around: Surroundings) -> str:
    before = around.ahead.get(job.id, 0)
    if before:
        return f"waits its turn: {before} job{'s' if before != 1 else ''} before it"
    return "waits for a free runner"


def _together(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
