"""From a genuine webhook to durable runs, many at a time."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from flowforge.errors import StoreUnavailable
from flowforge.model.delivery import Delivery
from flowforge.model.event import EventKind
from flowforge.model.project import DEFAULT_ORGANISATION, Project
from flowforge.model.push import ForgeRepository, Happening
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.ports import Bell, Clock, Store, Tx
from flowforge.services.progress import EVENTS, RUNS, run_event

LOCAL = "local"
"""The provider whose runs are ours."""
MOST_WAITING = 5_000
MOST_BYTES = 64 << 20
"""Of deliveries that are not recorded yet; a forge sends again what is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The runs a delivery started, now or when it first came."""

    run_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    happening: Happening
    body: bytes

    @property
    def keys(self) -> tuple[str, str]:
        """Of the sending and of what happened. A sending without an id of its own is known by what happened."""
        happening, forge = self.happening, self.happening.repository.forge
        sending = happening.delivery_id or f"of {happening.key}"
        return f"{forge}:delivery:{sending}", f"{forge}:event:{happening.key}"


@dataclass(slots=True, eq=False)
class _Waiting:
    arrival: Arrival
    receipt: Receipt | None = None
    refused: StoreUnavailable | None = None


@dataclass(slots=True)
class Intake:
    """Those who arrive while a transaction is under way share the next one: whoever gets its turn first records all
    that wait. This is what makes a burst cost a few statements instead of a few for each."""

    store: Store
    bell: Bell
    clock: Clock
    _waiting: dict[_Waiting, None] = field(default_factory=dict)
    _inside: int = 0
    _bytes: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def accept(self, happening: Happening, body: bytes) -> Receipt:
        """Durable when it returns. The same delivery, or the same happening sent anew, gets the first one's receipt.
        Raises `StoreUnavailable` where it cannot be recorded now, also when too much waits for that already."""
        if self._inside >= MOST_WAITING or (self._inside and self._bytes + len(body) > MOST_BYTES):
            raise StoreUnavailable("busy: too many deliveries wait to be recorded", retry_after=2.0)
        mine = _Waiting(Arrival(happening=happening, body=body))
        self._inside, self._bytes = self._inside + 1, self._bytes + len(body)
        self._waiting[mine] = None
        try:
            return await self._recorded(mine)
        finally:
            self._waiting.pop(mine, None)
            self._inside, self._bytes = self._inside - 1, self._bytes - len(body)

    async def _recorded(self, mine: _Waiting) -> Receipt:
        async with self._turn:
            if mine.receipt is None and mine.refused is None:
                await self._record(mine)
        if mine.refused:
            raise StoreUnavailable(
                mine.refused.message, retry_after=mine.refused.retry_after
            ) from mine.refused
        assert mine.receipt is not None  # noqa: S101  # either we or whoever had the turn before recorded it
        return mine.receipt

    async def _record(self, mine: _Waiting) -> None:
        batch, self._waiting = list(self._waiting), {}
        try:
            await self._record_together(batch)
        except StoreUnavailable as error:
            # Asked for each alone, a database that is away would be waited for as often as there are arrivals.
            for waiting in batch:
                waiting.refused = error
        except BaseException as error:
            # One arrival must not fail for what is wrong with another, nor with whoever records it: the rest wait for
            # a turn of their own.
            others = {waiting: None for waiting in batch if waiting is not mine}
            self._waiting = others | self._waiting
            if not isinstance(error, Exception):
                raise
            await self._record_together([mine])

    async def _record_together(self, batch: Sequence[_Waiting]) -> None:
        now = self.clock.now()
        arrivals = [waiting.arrival for waiting in batch]
        receipts = await self.store.write(lambda tx: record(tx, arrivals, now), urgent=True)
        for waiting, receipt in zip(batch, receipts, strict=True):
            waiting.receipt = receipt
        self.bell.ring(RUNS)
        self.bell.ring(EVENTS)


def record(tx: Tx, arrivals: Sequence[Arrival], now: datetime) -> list[Receipt]:
    known = {
        key: Receipt(run_ids=delivery.run_ids)
        for key, delivery in tx.deliveries.known(
            {key for arrival in arrivals for key in arrival.keys}
        ).items()
    }
    new: list[Arrival] = []
    seen: set[str] = set(known)
    for arrival in arrivals:
        if seen.isdisjoint(arrival.keys):
            new.append(arrival)
            seen.update(arrival.keys)
    for arrival, receipt in zip(new, _start(tx, new, now), strict=True):
        known.update(dict.fromkeys(arrival.keys, receipt))
    return [known.get(arrival.keys[0]) or known[arrival.keys[1]] for arrival in arrivals]


def _start(tx: Tx, arrivals: Sequence[Arrival], now: datetime) -> list[Receipt]:
    """One run for each arrival. Rows that others may want too are taken in the order of their ids, so that two
    servers on one database cannot wait for each other in a circle."""
    if not arrivals:
        return []
    projects = _projects(tx, arrivals, now)
    counts = Counter(project.id for project in projects)
    numbers = {key: iter(tx.projects.take_numbers(key, counts[key])) for key in sorted(counts)}
    run_ids = tx.take_ids("runs", len(arrivals))
    delivery_ids = tx.take_ids("deliveries", len(arrivals))
    runs = [
        _run(arrival, project, run_id, delivery_id, next(numbers[project.id]), now)
        for arrival, project, run_id, delivery_id in zip(
            arrivals, projects, run_ids, delivery_ids, strict=True
        )
    ]
    tx.deliveries.add([_delivery(arrival, run) for arrival, run in zip(arrivals, runs, strict=True)])
    tx.runs.add(runs)
    tx.events.append([run_event(EventKind.RUN_CREATED, run, Status.PENDING, now) for run in runs])
    return [Receipt(run_ids=(run.id,)) for run in runs]


def _projects(tx: Tx, arrivals: Sequence[Arrival], now: datetime) -> list[Project]:
    repositories = [arrival.happening.repository for arrival in arrivals]
    known: dict[ForgeRepository, Project] = {}
    for repository in repositories:
        if repository not in known:
            known[repository] = known_project(tx, repository, now)
    return [known[repository] for repository in repositories]


def _run(arrival: Arrival, project: Project, id: int, delivery_id: int, number: int, now: datetime) -> Run:
    return Run(
        id=id,
        organisation_id=project.organisation_id,
        project_id=project.id,
        pipeline_id=None,
        provider=LOCAL,
        number=number,
        trigger=arrival.happening.trigger,
        delivery_id=delivery_id,
        created_at=now,
    )


def _delivery(arrival: Arrival, run: Run) -> Delivery:
    assert run.delivery_id is not None  # noqa: S101  # every run made here has one
    delivery_key, event_key = arrival.keys
    return Delivery(
        id=run.delivery_id,
        organisation_id=run.organisation_id,
        project_id=run.project_id,
        forge=arrival.happening.repository.forge,
        event=arrival.happening.event,
        delivery_key=delivery_key,
        event_key=event_key,
        body=arrival.body,
        run_ids=(run.id,),
        received_at=run.created_at,
    )


def known_project(tx: Tx, repository: ForgeRepository, now: datetime) -> Project:
    """The project of a repository: made at its first delivery, renamed when the forge calls it otherwise now."""
    found = tx.projects.find(repository.origin, repository.native_id)
    if found is None:
        found = Project(
            id=tx.take_ids("projects")[0],
            organisation_id=DEFAULT_ORGANISATION,
            forge=repository.forge,
            origin=repository.origin,
            native_id=repository.native_id,
            name=repository.name,
            clone_url=repository.clone_url,
            default_branch=repository.default_branch,
            created_at=now,
        )
        tx.projects.save(found)
        return found
    current = replace(
        found,
        name=repository.name,
        clone_url=repository.clone_url,
        default_branch=repository.default_branch or found.default_branch,
        former_names=_former_names(found, repository.name),
    )
    if current != found:
        tx.projects.save(current)
    return current


def _former_names(project: Project, name: str) -> tuple[str, ...]:
    if project.name == name:
        return project.former_names
    return (*(former for former in project.former_names if former not in (name, project.name)), project.name)
