"""Commit statuses: a reader of the event stream that owes each run's commit what it should show, and pays when it can."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from flowforge.errors import FlowForgeError, Upstream
from flowforge.model.commit_status import CommitState, CommitStatus, StatusDebt
from flowforge.model.event import Event, EventKind, NewEvent
from flowforge.model.project import Project
from flowforge.model.run import Run
from flowforge.model.status import Cause, Status
from flowforge.ports import Bell, Clock, CommitStatuses, Store, Tx
from flowforge.services.links import Links
from flowforge.services.progress import EVENTS

log = structlog.get_logger()

READER = "commit-statuses"
EVENTS_AT_ONCE = 100
"""A page is one transaction of some 20 ms, and so much longer takes whoever pushes meanwhile."""
AT_ONCE = 8
"""Statuses under way at the same time, so that one slow forge does not hold up another."""
LONGEST_PAUSE = 900.0
LOOK_AGAIN = 30.0
TELLING = frozenset({EventKind.RUN_CREATED, EventKind.RUN_FINISHED})
SHOWN = 140
"""Characters of a description that every forge takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a status is labelled and where it leads."""

    context: str
    links: Links


@dataclass(frozen=True, slots=True)
class StatusKeeper:
    store: Store
    forge: CommitStatuses
    bell: Bell
    clock: Clock
    wording: Wording

    async def serve(self) -> None:
        """Read, owe, pay, until cancelled. What is owed survives this process."""
        rung = self.bell.listen(EVENTS)
        while True:
            try:
                await self.owe()
                await self.pay()
                pause = await self._pause()
            except FlowForgeError as error:
                log.warning("commit statuses are held up", error=error.message)
                pause = LOOK_AGAIN
            await rung.wait(pause)

    async def owe(self) -> None:
        """Turn new events into debts; debts and cursor move in one transaction."""
        while await self.store.write(lambda tx: owe(tx, self.wording, self.clock.now())):
            pass

    async def pay(self) -> None:
        """Try every debt that is due once."""
        now = self.clock.now()
        due = await self.store.read(lambda tx: tx.debts.due(now, AT_ONCE * 8))
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for debt in due:
                tasks.create_task(self._pay(debt, slots))

    async def _pay(self, debt: StatusDebt, slots: asyncio.Semaphore) -> None:
        async with slots:
            try:
                await self.forge.post(debt.status)
            except Upstream as error:
                log.warning("commit status not delivered", run=debt.run_id, error=error.message)
                await self._later(debt, error)
                return
        now = self.clock.now()
        await self.store.write(lambda tx: paid(tx, debt, now))
        self.bell.ring(EVENTS)

    async def _later(self, debt: StatusDebt, error: Upstream) -> None:
        now = self.clock.now()
        pause = max(error.retry_after or 0.0, min(LONGEST_PAUSE, 2.0 ** min(debt.tries, 10)))
        at = now + timedelta(seconds=LONGEST_PAUSE if error.final else pause)
        await self.store.write(lambda tx: postpone(tx, debt, at, error.message))

    async def _pause(self) -> float:
        at = await self.store.read(lambda tx: tx.debts.next_try())
        if at is None:
            return LOOK_AGAIN
        return min(LOOK_AGAIN, max(0.05, (at - self.clock.now()).total_seconds()))


def owe(tx: Tx, wording: Wording, now: datetime) -> bool:
    """One page of events; False when there was none."""
    events = tx.events.since(tx.events.cursor(READER), EVENTS_AT_ONCE)
    if not events:
        return False
    projects: dict[int, Project | None] = {}
    for run_id in _told(events):
        run = tx.runs.get(run_id)
        if run is None or not run.trigger.commit:
            continue
        if run.project_id not in projects:
            projects[run.project_id] = tx.projects.get(run.project_id)
        project = projects[run.project_id]
        if project:
            _want(tx, run.id, status_of(run, _counted(tx, run), project.forge, project.name, wording), now)
    tx.events.move(READER, events[-1].id)
    return True


def _counted(tx: Tx, run: Run) -> int:
    """Its jobs, where the status will name their number."""
    return len(tx.jobs.of((run.id,))) if run.status is Status.SUCCESS else 0


def _told(events: Sequence[Event]) -> dict[int, None]:
    return dict.fromkeys(event.run_id for event in events if event.kind in TELLING and event.run_id)


def _want(tx: Tx, run_id: int, status: CommitStatus, now: datetime) -> None:
    owed = tx.debts.get(run_id)
    if owed is None:
        tx.debts.save(StatusDebt(run_id=run_id, status=status, version=1, next_try_at=now))
    elif owed.status != status:
        tx.debts.save(
            replace(owed, status=status, version=owed.version + 1, tries=0, next_try_at=now, last_error="")
        )


def status_of(run: Run, jobs: int, forge: str, repository: str, wording: Wording) -> CommitStatus:
    state, description = _said(run, jobs)
    return CommitStatus(
        forge=forge,
        repository=repository,
        commit=run.trigger.commit,
        state=state,
        description=description if len(description) <= SHOWN else description[: SHOWN - 1] + "…",
        context=wording.context,
        target_url=wording.links.run(run.id),
    )


def _said(run: Run, jobs: int) -> tuple[CommitState, str]:
    match run.status:
        case Status.SUCCESS:
            return CommitState.SUCCESS, f"{jobs} job{'s' if jobs != 1 else ''}"
        case Status.FAILURE | Status.CANCELLED | Status.SKIPPED:
            return CommitState.FAILURE, _first_line(run)
        case _:
            return CommitState.PENDING, f"run #{run.number} is queued"


def _first_line(run: Run) -> str:
    line = (run.reason or run.status.value).splitlines()[0]
    return f"config: {line}" if run.cause is Cause.CONFIG else line


def paid(tx: Tx, debt: StatusDebt, now: datetime) -> None:
    owed = tx.debts.get(debt.run_id)
    if owed is None or owed.delivered >= debt.version:
        return
    tx.debts.save(replace(owed, delivered=debt.version, tries=0, last_error=""))
    detail = {"context": debt.status.context, "version": debt.version}
    event = NewEvent(
        kind=EventKind.STATUS_DELIVERED, at=now, run_id=debt.run_id, status=debt.status.state, detail=detail
    )
    tx.events.append([event])


def postpone(tx: Tx, debt: StatusDebt, at: datetime, error: str) -> None:
    owed = tx.debts.get(debt.run_id)
    if owed and owed.version == debt.version:
        tx.debts.save(replace(owed, tries=owed.tries + 1, next_try_at=at, last_error=error))
