"""Commit statuses: a reader of the event stream that owes each run's commit what it should show, and pays when it can."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from flowforge.errors import FlowForgeError, NotConfigured, Upstream
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
"""Statuses under way to one forge at the same time."""
LONGEST_PAUSE = 900.0
LONGEST_POST = 45.0
CLAIMED = 60.0
"""Seconds, more than one sending may take."""
GIVEN_UP_AFTER = timedelta(hours=24)
LONGEST_LAG = 1_000
"""Events that are read again after a restart at most, beyond those of a page."""
LOOK_AGAIN = 30.0
TELLING = frozenset({EventKind.RUN_CREATED, EventKind.RUN_FINISHED})
SHOWN = 140
"""Characters of a description that every forge takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a status is labelled and where it leads."""

    context: str
    links: Links


@dataclass(slots=True)
class StatusKeeper:
    store: Store
    forge: CommitStatuses
    bell: Bell
    clock: Clock
    wording: Wording
    _read: int = 0
    _probe_at: dict[str, datetime] = field(default_factory=dict)

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
        """Turn new events into debts; debts and cursor move in one transaction. A page that tells of nothing costs no
        write, until the cursor lags much."""
        while page := await self.store.read(lambda tx: _page(tx, self._read)):
            if page.runs or page.lag >= LONGEST_LAG:
                await self.store.write(lambda tx: owe(tx, page, self.wording, self.clock.now()))
            self._read = page.last

    async def pay(self) -> None:
        """Try every debt that is due once; of a forge that is held, one at most."""
        now = self.clock.now()
        due = await self.store.read(lambda tx: tx.debts.due(now, AT_ONCE * 8))
        by_forge: defaultdict[str, list[StatusDebt]] = defaultdict(list)
        for debt in due:
            by_forge[debt.status.forge].append(debt)
        async with asyncio.TaskGroup() as tasks:
            for forge, debts in by_forge.items():
                tasks.create_task(self._pay_forge(forge, debts, now))

    async def _pay_forge(self, forge: str, debts: Sequence[StatusDebt], now: datetime) -> None:
        """The first alone: what is missing for all is found out once. Only then the rest, `AT_ONCE` a forge."""
        if forge in self._probe_at and now < self._probe_at[forge]:
            return
        await self._try(debts[0])
        if forge in self._probe_at:
            return
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for debt in debts[1:]:
                tasks.create_task(self._in_turn(debt, slots))

    async def _in_turn(self, debt: StatusDebt, slots: asyncio.Semaphore) -> None:
        async with slots:
            await self._try(debt)

    async def _try(self, debt: StatusDebt) -> None:
        """A debt that fails says so itself; none stops another."""
        try:
            now = self.clock.now()
            if await self.store.write(lambda tx: claim(tx, debt, now)):
                await self._pay(debt)
        except FlowForgeError as error:
            log.warning("commit status held up", run=debt.run_id, error=error.message)

    async def _pay(self, debt: StatusDebt) -> None:
        try:
            async with asyncio.timeout(LONGEST_POST):
                await self.forge.post(debt.status)
        except NotConfigured as error:
            self._hold(debt.status.forge, error)
        except TimeoutError:
            await self._later(debt, Upstream("the forge does not answer in time"))
        except Upstream as error:
            await self._later(debt, error)
        except FlowForgeError as error:
            await self._later(debt, Upstream(error.message))
        else:
            self._probe_at.pop(debt.status.forge, None)
            now = self.clock.now()
            await self.store.write(lambda tx: paid(tx, debt, now))
            self.bell.ring(EVENTS)

    def _hold(self, forge: str, error: NotConfigured) -> None:
        if forge not in self._probe_at:
            log.warning("commit statuses of a forge are held", forge=forge, error=error.message)
        self._probe_at[forge] = self.clock.now() + timedelta(seconds=LONGEST_PAUSE)

    async def _later(self, debt: StatusDebt, error: Upstream) -> None:
        self._probe_at.pop(debt.status.forge, None)
        now = self.clock.now()
        if error.final or (debt.wanted_at and now - debt.wanted_at >= GIVEN_UP_AFTER):
            log.warning("commit status given up", run=debt.run_id, error=error.message)
            await self.store.write(lambda tx: give_up(tx, debt, now, error.message))
            return
        log.warning("commit status not delivered", run=debt.run_id, error=error.message)
        pause = max(error.retry_after or 0.0, min(LONGEST_PAUSE, 2.0 ** min(debt.tries, 10)))
        at = now + timedelta(seconds=pause)
        await self.store.write(lambda tx: postpone(tx, debt, at, now, error.message))

    async def _pause(self) -> float:
        at = await self.store.read(lambda tx: tx.debts.next_try())
        left = LOOK_AGAIN if at is None else (at - self.clock.now()).total_seconds()
        if left <= 0 and self._probe_at:
            return LOOK_AGAIN
        return min(LOOK_AGAIN, max(0.05, left))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """New events: the runs that they tell of, the id of the last, and how far behind it the stored cursor is."""

    runs: tuple[int, ...]
    last: int
    lag: int


def _page(tx: Tx, read: int) -> Page | None:
    cursor = tx.events.cursor(READER)
    events = tx.events.since(max(cursor, read), EVENTS_AT_ONCE)
    if not events:
        return None
    last = events[-1].id
    return Page(runs=tuple(_told(events)), last=last, lag=last - cursor)


def owe(tx: Tx, page: Page, wording: Wording, now: datetime) -> None:
    projects: dict[int, Project | None] = {}
    for run_id in page.runs:
        run = tx.runs.get(run_id)
        if run is None or not run.trigger.commit:
            continue
        if run.project_id not in projects:
            projects[run.project_id] = tx.projects.get(run.project_id)
        project = projects[run.project_id]
        if project:
            _want(tx, run.id, status_of(run, _counted(tx, run), project.forge, project.name, wording), now)
    tx.events.move(READER, max(page.last, tx.events.cursor(READER)))


def _counted(tx: Tx, run: Run) -> int:
    """Its jobs, where the status will name their number."""
    return len(tx.jobs.of((run.id,))) if run.status is Status.SUCCESS else 0


def _told(events: Sequence[Event]) -> dict[int, None]:
    return dict.fromkeys(event.run_id for event in events if event.kind in TELLING and event.run_id)


def _want(tx: Tx, run_id: int, status: CommitStatus, now: datetime) -> None:
    owed = tx.debts.get(run_id)
    if owed is None:
        tx.debts.save(StatusDebt(run_id=run_id, status=status, version=1, next_try_at=now, wanted_at=now))
    elif owed.status != status:
        wanted = replace(
            owed,
            status=status,
            version=owed.version + 1,
            tries=0,
            next_try_at=max(now, owed.claimed_until or now),
            last_error="",
            wanted_at=now,
            given_up_at=None,
        )
        tx.debts.save(wanted)


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


def claim(tx: Tx, debt: StatusDebt, now: datetime) -> bool:
    """Whether this version is ours to send now: for a minute nobody sends anything of this run."""
    owed = tx.debts.get(debt.run_id)
    if owed != debt:
        return False
    until = now + timedelta(seconds=CLAIMED)
    tx.debts.save(replace(owed, next_try_at=until, claimed_until=until))
    return True


def paid(tx: Tx, debt: StatusDebt, now: datetime) -> None:
    owed = tx.debts.get(debt.run_id)
    if owed is None or owed.delivered >= debt.version:
        return
    tx.debts.save(
        replace(owed, delivered=debt.version, tries=0, next_try_at=now, claimed_until=None, last_error="")
    )
    detail = {"context": debt.status.context, "version": debt.version}
    event = NewEvent(
        kind=EventKind.STATUS_DELIVERED, at=now, run_id=debt.run_id, status=debt.status.state, detail=detail
    )
    tx.events.append([event])


def postpone(tx: Tx, debt: StatusDebt, at: datetime, now: datetime, error: str) -> None:
    """A newer version is tried at once."""
    owed = tx.debts.get(debt.run_id)
    if owed is None:
        return
    if owed.version == debt.version:
        owed = replace(owed, tries=owed.tries + 1, last_error=error)
    else:
        at = now
    tx.debts.save(replace(owed, next_try_at=at, claimed_until=None))


def give_up(tx: Tx, debt: StatusDebt, now: datetime, error: str) -> None:
    postpone(tx, debt, now, now, error)
    owed = tx.debts.get(debt.run_id)
    if owed and owed.version == debt.version:
        tx.debts.save(replace(owed, given_up_at=now))
