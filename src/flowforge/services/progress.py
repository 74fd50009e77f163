"""How runs move, and what the move of one means for those that wait for it.

All of it happens in the transaction of the event itself, so no crash leaves anybody waiting for one that is gone.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from flowforge.engine.state import CancelAsked, LetIn, RunEvent, TurnCame
from flowforge.engine.turns import holder_of, may_join, next_job, next_run, superseded
from flowforge.model.event import EventKind
from flowforge.model.job_run import JobRun
from flowforge.model.run import Run
from flowforge.ports import Tx
from flowforge.services.transition import EVENTS, JOBS, STOPS, TIDINGS, Moved, move_one, run_event

__all__ = [
    "EVENTS",
    "JOBS",
    "NEW_RUN",
    "RUNS",
    "STOPS",
    "TIDINGS",
    "Moved",
    "let_in",
    "move_run",
    "run_event",
]

RUNS = "runs"
"""Bell: a run waits to be planned."""
NEW_RUN = (RUNS, EVENTS, TIDINGS)
"""What to ring when there is one."""


def move_run(tx: Tx, run_id: int, event: RunEvent, now: datetime) -> Moved:
    """Apply one event to a run, then let those go on whose turn it makes. Nothing is written when nothing follows."""
    first = move_one(tx, run_id, event, now)
    line, moves = deque([first]), [first]
    while line:
        for moved in _following(tx, line.popleft(), now):
            line.append(moved)
            moves.append(moved)
    newest = next((moved.run for moved in reversed(moves) if moved.run.id == run_id), first.run)
    return replace(first, run=newest, topics=frozenset[str]().union(*(moved.topics for moved in moves)))


def let_in(tx: Tx, job: JobRun, now: datetime) -> Moved | None:
    """Give a job its next attempt after a pause, if nobody of its group has the turn. None where it waits on."""
    run = tx.runs.hold(job.run_id)
    if run is None:
        return None
    holder = holder_of(tx.turns.jobs(run.organisation_id, job.terms.serial_group))
    if not may_join(job, holder):
        return None
    return move_run(tx, job.run_id, TurnCame(key=job.key), now)


def _following(tx: Tx, moved: Moved, now: datetime) -> Iterator[Moved]:
    run = moved.run
    if EventKind.RUN_QUEUED in moved.kinds:
        yield from _make_way(tx, run, now)
    if run.group and moved.kinds & {EventKind.RUN_QUEUED, EventKind.RUN_FINISHED}:
        after = next_run(tx.turns.runs(run.project_id, run.group))
        if after:
            yield move_one(tx, after.id, LetIn(), now)
    for group in sorted({job.terms.serial_group for job in moved.changed} - {""}):
        job = next_job(tx.turns.jobs(run.organisation_id, group), now)
        if job:
            yield move_one(tx, job.run_id, TurnCame(key=job.key), now)


def _make_way(tx: Tx, run: Run, now: datetime) -> Iterator[Moved]:
    line = tx.turns.runs(run.project_id, run.group)
    newest = tx.turns.newest_run(run.project_id, run.group)
    for older, newer in superseded(run, line, newest).items():
        yield move_one(tx, older, CancelAsked(reason=f"superseded by run {newer}"), now)
