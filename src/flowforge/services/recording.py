"""What becomes of deliveries in one transaction: which of them are new, and the runs that those start."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from flowforge.model.delivery import Delivery
from flowforge.model.event import EventKind
from flowforge.model.project import DEFAULT_ORGANISATION, Project
from flowforge.model.push import ForgeRepository, Happening, Quiet
from flowforge.model.run import Run
from flowforge.model.status import Status
from flowforge.ports import Tx
from flowforge.services.progress import run_event

LOCAL = "local"
"""The provider whose runs are ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The runs a delivery started, now or when it first came."""

    run_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    happening: Happening | Quiet
    body: bytes
    sending: str = field(init=False)
    event: str = field(init=False)
    place: str = field(init=False)

    def __post_init__(self) -> None:
        """`sending` is empty where the forge gave the sending no name: then only what happened tells it."""
        happening, forge = self.happening, self.happening.repository.forge
        sending = f"{forge}:delivery:{happening.delivery_id}" if happening.delivery_id else ""
        object.__setattr__(self, "sending", sending)
        object.__setattr__(self, "event", f"{forge}:event:{happening.key}")
        object.__setattr__(self, "place", sha256(happening.place.encode()).hexdigest())


@dataclass(slots=True, eq=False)
class _Row:
    """A delivery to be written, or (without an arrival) what is written already. `like` is the one that it repeats."""

    arrival: Arrival | None = None
    run_ids: tuple[int, ...] = ()
    like: "_Row | None" = None

    @property
    def starts(self) -> bool:
        return (
            self.arrival is not None and self.like is None and isinstance(self.arrival.happening, Happening)
        )


def record(tx: Tx, arrivals: Sequence[Arrival], now: datetime) -> list[Receipt]:
    """In the order in which they came: the last one of a place is what is newest there."""
    rows = _sorted_out(tx, arrivals)
    new = [row for row in dict.fromkeys(rows) if row.arrival is not None]
    if new:
        _write(tx, new, now)
    return [Receipt(run_ids=row.run_ids) for row in rows]


def _sorted_out(tx: Tx, arrivals: Sequence[Arrival]) -> list[_Row]:
    """A row for each arrival; those that were recorded before, or are in this very batch already, share one."""
    named = tx.deliveries.known({arrival.sending for arrival in arrivals if arrival.sending})
    tips = tx.deliveries.tips({arrival.place for arrival in arrivals})
    sent = {key: _Row(run_ids=tuple(run_ids)) for key, run_ids in named.items()}
    newest = {place: (tip.event_key, _Row(run_ids=tip.run_ids)) for place, tip in tips.items()}
    return [_sort(arrival, sent, newest) for arrival in arrivals]


def _sort(arrival: Arrival, sent: dict[str, _Row], newest: dict[str, tuple[str, _Row]]) -> _Row:
    if arrival.sending in sent:
        return sent[arrival.sending]
    event, last = newest.get(arrival.place, ("", None))
    if last is None and isinstance(arrival.happening, Quiet):
        return _Row()  # nothing is known there that could come again
    if last is not None and event == arrival.event:
        if not arrival.sending:
            return last
        row = _Row(arrival, last.run_ids, like=last)
    else:
        row = _Row(arrival)
    newest[arrival.place] = arrival.event, row
    if arrival.sending:
        sent[arrival.sending] = row
    return row


def _write(tx: Tx, rows: Sequence[_Row], now: datetime) -> None:
    """Rows that others may want too are taken in the order of their ids, so that two servers on one database cannot
    wait for each other in a circle."""
    arrivals = [row.arrival for row in rows if row.arrival is not None]
    projects = _projects(tx, arrivals, now)
    numbers = _numbers(tx, (project for row, project in zip(rows, projects, strict=True) if row.starts))
    run_ids = iter(tx.take_ids("runs", sum(row.starts for row in rows)))
    deliveries, runs = [], []
    ids = tx.take_ids("deliveries", len(rows))
    for row, arrival, project, delivery_id in zip(rows, arrivals, projects, ids, strict=True):
        if row.starts:
            run = _run(arrival, project, next(run_ids), delivery_id, next(numbers[project.id]), now)
            runs.append(run)
            row.run_ids = (run.id,)
        elif row.like is not None:
            row.run_ids = row.like.run_ids
        deliveries.append(_delivery(delivery_id, arrival, row, project, now))
    tx.deliveries.add(deliveries)
    tx.runs.add(runs)
    tx.events.append([run_event(EventKind.RUN_CREATED, run, Status.PENDING, now) for run in runs])


def _numbers(tx: Tx, projects: Iterable[Project]) -> Mapping[int, Iterator[int]]:
    counts = Counter(project.id for project in projects)
    return {key: iter(tx.projects.take_numbers(key, counts[key])) for key in sorted(counts)}


def _projects(tx: Tx, arrivals: Sequence[Arrival], now: datetime) -> list[Project]:
    repositories = [arrival.happening.repository for arrival in arrivals]
    known: dict[ForgeRepository, Project] = {}
    for repository in repositories:
        if repository not in known:
            known[repository] = known_project(tx, repository, now)
    return [known[repository] for repository in repositories]


def _run(arrival: Arrival, project: Project, id: int, delivery_id: int, number: int, now: datetime) -> Run:
    assert isinstance(arrival.happening, Happening)  # noqa: S101  # a row of anything else does not start
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


def _delivery(id: int, arrival: Arrival, row: _Row, project: Project, now: datetime) -> Delivery:
    """The body of a repetition was kept when it first came."""
    forge = arrival.happening.repository.forge
    return Delivery(
        id=id,
        organisation_id=project.organisation_id,
        project_id=project.id,
        forge=forge,
        event=arrival.happening.event,
        delivery_key=arrival.sending or f"{forge}:unnamed:{id}",
        event_key=arrival.event,
        place=arrival.place,
        body=b"" if row.like else arrival.body,
        run_ids=row.run_ids,
        received_at=now,
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
