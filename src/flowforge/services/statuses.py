"""Commit statuses: a reader of the event stream that owes each run's commit what it should show, and pays when it can."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from flowforge.engine.approvals import why_held
from flowforge.errors import FlowForgeError, NotConfigured, Upstream
from flowforge.model.commit_status import CommitState, CommitStatus, StatusDebt
from flowforge.model.event import Event, EventKind, NewEvent
from flowforge.model.project import Project
from flowforge.model.run import Run
from flowforge.model.status import Cause, Status
from flowforge.ports import Bell, Clock, CommitStatuses, Store, Tx
from flowforge.services.links import Links
from flowforge.services.progress import EVENTS, TIDINGS

log = structlog.get_logger()

READER = "commit-statuses"
EVENTS_AT_ONCE = 100
"""A page is one transaction of some 20 ms, and so much longer takes whoever pushes meanwhile."""
AT_ONCE = 8
"""Statuses under way to one server, of all its repositories, at the same time."""
LONGEST_PAUSE = 900.0
LONGEST_POST = 45.0
CLAIMED = 60.0
"""Seconds, more than one sending may take."""
BEHIND_ANOTHER = 1.0
"""Seconds until a look whether an older run's status, which must not land behind this one, is there by now."""
GIVEN_UP_AFTER = timedelta(hours=24)
LONGEST_LAG = 1_000
"""Events that are read again after a restart at most, beyond those of a page."""
LOOK_AGAIN = 30.0
TELLING = frozenset(
    {
        EventKind.RUN_CREATED,
        EventKind.RUN_WAITING,
        EventKind.RUN_APPROVED,
        EventKind.JOB_APPROVED,
        EventKind.RUN_FINISHED,
    }
)
WHOLE = frozenset({40, 64})
"""Digits of a commit id. A run that was given a shorter one, or none, shows its status once it is planned."""
SHOWN = 140
"""Characters of a description that every forge takes."""


BREATH = 0.1
"""Seconds from the bell to a look at the events, however often it rings meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a status is labelled and where it leads."""

    context: str
    links: Links


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """A run's jobs, and those of them that failed and may, or were skipped."""

    jobs: int = 0
    allowed: int = 0
    left_out: int = 0

    def sentence(self) -> str:
        parts = [f"{self.jobs} job{'s' if self.jobs != 1 else ''}"]
        if self.allowed:
            parts.append(f"{self.allowed} allowed to fail")
        if self.left_out:
            parts.append(f"{self.left_out} skipped")
        return ", ".join(parts)


@dataclass(slots=True)
class StatusKeeper:
    store: Store
    forge: CommitStatuses
    bell: Bell
    clock: Clock
    wording: Wording
    instance: str
    """The data folder that only one server holds at a time: what is claimed in its name, a server now gone had begun."""
    _read: int = 0
    _probe_at: dict[str, datetime] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _slots: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    _took_back: bool = False

    async def serve(self) -> None:
        """Read, owe, pay, until cancelled. What is owed survives this process. Every repository is paid by a task
        of its own, so that a forge that keeps silent holds up itself alone."""
        rung = self.bell.listen(TIDINGS)
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await self._take_back()
                    await self.owe()
                    for place in await self._payable():
                        self._busy.add(place)
                        tasks.create_task(self._pay_alone(place))
                    pause = await self._pause()
                except FlowForgeError as error:
                    log.warning("commit statuses are held up", error=error.message)
                    pause = LOOK_AGAIN
                await rung.wait(pause)
                # What rang is only beginning: it comes first, and a run that is over by then needs one status.
                await asyncio.sleep(BREATH)

    async def _take_back(self) -> None:
        """Once, before anything is claimed anew."""
        if not self._took_back:
            await self.store.write(lambda tx: take_back(tx, self.instance, self.clock.now()))
            self._took_back = True

    async def _pay_alone(self, place: str) -> None:
        try:
            await self._pay_place(place)
        except FlowForgeError as error:
            log.warning("commit statuses are held up", place=place, error=error.message)
        finally:
            self._busy.discard(place)
            self.bell.ring(TIDINGS)

    async def owe(self) -> None:
        """Turn new events into debts; debts and cursor move in one transaction. A page that tells of nothing costs no
        write, until the cursor lags much."""
        while page := await self.store.read(lambda tx: _page(tx, self._read)):
            if page.runs or page.lag >= LONGEST_LAG:
                await self.store.write(lambda tx: owe(tx, page, self.wording, self.clock.now()))
            self._read = page.last

    async def pay(self) -> None:
        """Try every debt that is due once; of a repository that is held, one at most."""
        async with asyncio.TaskGroup() as tasks:
            for place in await self._payable():
                tasks.create_task(self._pay_place(place))

    async def _payable(self) -> list[str]:
        """Where something is due and nobody is at it, those that are held excepted until they may be asked again."""
        now = self.clock.now()
        due = await self.store.read(lambda tx: tx.debts.places(now))
        return [place for place in due if place not in self._busy and not self._is_held(place, now)]

    def _is_held(self, place: str, now: datetime) -> bool:
        return place in self._probe_at and now < self._probe_at[place]

    async def _pay_place(self, place: str) -> None:
        """The first alone: what is missing for all is found out once. Only then the rest."""
        now = self.clock.now()
        debts = await self.store.read(lambda tx: tx.debts.due(now, AT_ONCE * 8, place))
        if not debts:
            return
        await self._in_turn(debts[0])
        if place in self._probe_at:
            return
        async with asyncio.TaskGroup() as tasks:
            for debt in debts[1:]:
                tasks.create_task(self._in_turn(debt))

    async def _in_turn(self, debt: StatusDebt) -> None:
        async with self._slots.setdefault(debt.status.server, asyncio.Semaphore(AT_ONCE)):
            await self._try(debt)

    async def _try(self, debt: StatusDebt) -> None:
        """A debt that fails says so itself; none stops another."""
        try:
            now = self.clock.now()
            if await self.store.write(lambda tx: claim(tx, debt, self.instance, now)):
                await self._pay(debt)
        except FlowForgeError as error:
            log.warning("commit status held up", run=debt.run_id, error=error.message)

    async def _pay(self, debt: StatusDebt) -> None:
        try:
            async with asyncio.timeout(LONGEST_POST):
                await self.forge.post(debt.status)
        except NotConfigured as error:
            self._hold(debt.status.place, error)
        except TimeoutError:
            await self._later(debt, Upstream("the forge does not answer in time"))
        except Upstream as error:
            await self._later(debt, error)
        except FlowForgeError as error:
            await self._later(debt, Upstream(error.message))
        else:
            self._probe_at.pop(debt.status.place, None)
            now = self.clock.now()
            await self.store.write(lambda tx: paid(tx, debt, now))
            self.bell.ring(EVENTS)

    def _hold(self, place: str, error: NotConfigured) -> None:
        if place not in self._probe_at:
            log.warning("commit statuses of a repository are held", place=place, error=error.message)
        self._probe_at[place] = self.clock.now() + timedelta(seconds=LONGEST_PAUSE)

    async def _later(self, debt: StatusDebt, error: Upstream) -> None:
        self._probe_at.pop(debt.status.place, None)
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
        """Those that are busy ring when they are done; those that are held are looked at again soon enough."""
        now = self.clock.now()
        beside = self._busy | {place for place in self._probe_at if self._is_held(place, now)}
        at = await self.store.read(lambda tx: tx.debts.next_try(beside))
        left = LOOK_AGAIN if at is None else (at - now).total_seconds()
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
    return Page(runs=tuple(dict.fromkeys((*_told(events), *_late(tx, events)))), last=last, lag=last - cursor)


def _late(tx: Tx, events: Sequence[Event]) -> list[int]:
    """Runs whose commit became known by planning them."""
    planned = [event.run_id for event in events if event.kind is EventKind.RUN_PLANNED and event.run_id]
    return [run_id for run_id in planned if tx.debts.get(run_id) is None]


def owe(tx: Tx, page: Page, wording: Wording, now: datetime) -> None:
    projects: dict[int, Project | None] = {}
    for run_id in page.runs:
        run = tx.runs.get(run_id)
        if run is None or len(run.trigger.commit) not in WHOLE:
            continue
        if run.project_id not in projects:
            projects[run.project_id] = tx.projects.get(run.project_id)
        project = projects[run.project_id]
        if project:
            _want(tx, run.id, status_of(run, _counted(tx, run), project, wording), now)
    tx.events.move(READER, max(page.last, tx.events.cursor(READER)))


def _counted(tx: Tx, run: Run) -> Counts:
    """Its jobs, where the status will name their number."""
    jobs = tx.jobs.of((run.id,)) if run.status is Status.SUCCESS else ()
    allowed = sum(job.status is Status.FAILURE for job in jobs)
    left_out = sum(job.status is Status.SKIPPED for job in jobs)
    return Counts(jobs=len(jobs), allowed=allowed, left_out=left_out)


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


def status_of(run: Run, jobs: Counts, project: Project, wording: Wording) -> CommitStatus:
    """At the project, also for a fork's commit: there is where people look at a pull request."""
    state, description = _said(run, jobs)
    return CommitStatus(
        forge=project.forge,
        origin=project.origin,
        native_id=project.native_id,
        repository=project.name,
        commit=run.trigger.commit,
        state=state,
        description=description if len(description) <= SHOWN else description[: SHOWN - 1] + "…",
        context=wording.context,
        target_url=wording.links.run(run.id),
        organisation_id=project.organisation_id,
        project_id=project.id,
    )


def _said(run: Run, counts: Counts) -> tuple[CommitState, str]:
    match run.status:
        case Status.SUCCESS:
            return CommitState.SUCCESS, counts.sentence()
        case Status.SKIPPED if run.cause is Cause.FILTER and not why_held(run):
            # A check that a branch requires must end well where the pipeline has nothing to say.
            return CommitState.SUCCESS, f"left out: {_first_line(run)}"
        case Status.WAITING:
            return CommitState.PENDING, _first_line(run)
        case Status.FAILURE | Status.CANCELLED | Status.SKIPPED:
            return CommitState.FAILURE, _first_line(run)
        case _:
            return CommitState.PENDING, f"run #{run.number} is queued"


def _first_line(run: Run) -> str:
    line = (run.reason or run.status.value).splitlines()[0]
    return f"config: {line}" if run.cause is Cause.CONFIG else line


def claim(tx: Tx, debt: StatusDebt, by: str, now: datetime) -> bool:
    """Whether this version is ours to send now: for a minute nobody else sends anything of this run, nor of a newer one
    of the same commit. A commit shows its newest run, however the runs' ends and statuses overtake each other."""
    owed = tx.debts.get(debt.run_id)
    if owed is None or owed != debt:
        return False
    rival = tx.debts.rival(owed, now)
    if rival:
        tx.debts.save(_stood_back(owed, rival, now))
        return False
    until = now + timedelta(seconds=CLAIMED)
    tx.debts.save(replace(owed, next_try_at=until, claimed_until=until, claimed_by=by))
    return True


def _stood_back(owed: StatusDebt, rival: StatusDebt, now: datetime) -> StatusDebt:
    """Given up for a newer run's, or put off while an older run's is under way."""
    if rival.run_id > owed.run_id:
        return replace(owed, given_up_at=now, last_error=f"overtaken by run {rival.run_id}")
    return replace(owed, next_try_at=now + timedelta(seconds=BEHIND_ANOTHER))


def take_back(tx: Tx, by: str, now: datetime) -> None:
    """What a server claimed and left when it died is sent again by its successor, and need not wait for the claim's end."""
    for debt in tx.debts.claimed(by):
        tx.debts.save(replace(debt, next_try_at=now, claimed_until=None, claimed_by=""))


def paid(tx: Tx, debt: StatusDebt, now: datetime) -> None:
    owed = tx.debts.get(debt.run_id)
    if owed is None or owed.delivered >= debt.version:
        return
    tx.debts.save(
        replace(
            owed,
            delivered=debt.version,
            tries=0,
            next_try_at=now,
            claimed_until=None,
            claimed_by="",
            last_error="",
        )
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
    tx.debts.save(replace(owed, next_try_at=at, claimed_until=None, claimed_by=""))


def give_up(tx: Tx, debt: StatusDebt, now: datetime, error: str) -> None:
    postpone(tx, debt, now, now, error)
    owed = tx.debts.get(debt.run_id)
    if owed and owed.version == debt.version:
        tx.debts.save(replace(owed, given_up_at=now))
