"""Machines that carry out jobs."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowforge.errors import BadInput, NotFound, Unauthenticated
from flowforge.model.project import DEFAULT_ORGANISATION
from flowforge.model.runner import Runner, RunnerStatus, Trust
from flowforge.ports import Clock, Store, Tx

LOCAL_RUNNER = "local"
LOCAL_HOST = "localhost"
_FIRST_OWN = (LOCAL_RUNNER, LOCAL_HOST)
PREFIX = "ffr_"
ONLINE_FOR = timedelta(seconds=90)
LONGEST_HOST = 253
LONGEST_LABEL = 63
MOST_LABELS = 32
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an admin binds a runner to. `projects` are names or ids, none of them for all; `slots` 0 for no bound."""

    labels: Sequence[str] = ()
    projects: Sequence[str] = ()
    slots: int = 0
    trust: Trust = Trust.ANY


@dataclass(frozen=True, slots=True)
class Runners:
    store: Store
    clock: Clock

    async def all(self) -> Sequence[Runner]:
        return await self.store.read(lambda tx: tx.runners.all())

    async def register(self, host: str, labels: Sequence[str], terms: Terms | None = None) -> Runner:
        """A runner known by its host. The same host again gets the new terms."""
        given = replace(terms or Terms(), labels=checked_labels(labels))
        name, now = _host(host), self.clock.now()
        return await self.store.write(lambda tx: register(tx, name, given, now))

    async def enrol_local(self, slots: int, executor: str, instance: str = "") -> Runner:
        """The runner inside the server whose data folder this is, made at the first start. Servers that share a
        database have one each."""
        now = self.clock.now()
        return await self.store.write(lambda tx: enrol_local(tx, slots, executor, instance, now))

    async def issue_key(self, runner_id: int) -> str:
        """A new credential for the runner, shown to nobody again; the one before ends."""
        key = PREFIX + secrets.token_urlsafe(32)
        await self.store.write(lambda tx: set_key(tx, runner_id, key))
        return key

    async def note(self, runner_id: int, note: str) -> None:
        """Why a runner takes no jobs; empty when it does."""
        await self.store.write(lambda tx: set_note(tx, runner_id, note[:LONGEST_NOTE]))

    async def drain(self, runner_id: int, *, draining: bool) -> Runner:
        """One that drains is given no more jobs; what it holds goes on."""
        return await self.store.write(lambda tx: set_draining(tx, runner_id, draining=draining))


def status_of(runner: Runner, now: datetime) -> RunnerStatus:
    if runner.seen_at is None:
        return RunnerStatus.REGISTERED
    return RunnerStatus.ONLINE if now - runner.seen_at <= ONLINE_FOR else RunnerStatus.OFFLINE


def register(tx: Tx, host: str, terms: Terms, now: datetime) -> Runner:
    known = next((runner for runner in tx.runners.all() if runner.host == host), None)
    runner = replace(
        known or _new(tx, host, host, now),
        labels=tuple(terms.labels),
        projects=tuple(dict.fromkeys(_project(tx, name) for name in terms.projects)),
        most_slots=terms.slots,
        trust=terms.trust,
    )
    tx.runners.save(runner)
    return runner


def enrol_local(tx: Tx, slots: int, executor: str, instance: str, now: datetime) -> Runner:
    own = [runner for runner in tx.runners.all() if is_own(runner)]
    known = next((runner for runner in own if runner.instance in (instance, "")), None)
    name, host = (f"{LOCAL_RUNNER}-{instance[:6]}", f"{LOCAL_HOST}-{instance[:6]}") if own else _FIRST_OWN
    runner = known or _new(tx, name, host, now)
    runner = replace(runner, slots=slots, executor=executor, instance=instance)
    tx.runners.save(runner)
    return runner


def is_own(runner: Runner) -> bool:
    """Of some server on this database."""
    return bool(runner.instance) or (runner.name, runner.host) == _FIRST_OWN


def are_several(tx: Tx) -> bool:
    """Whether this database has, or ever had, more than one server."""
    return sum(is_own(runner) for runner in tx.runners.all()) > 1


def _project(tx: Tx, name: str) -> int:
    if name.isascii() and name.isdigit():
        project = tx.projects.get(int(name[:18]))
        found = [project] if project else []
    else:
        found = list(tx.projects.named(name))
    if not found:
        raise BadInput(f"there is no project {name}: it is made by its first push", field="projects")
    if len(found) > 1:
        ids = ", ".join(str(project.id) for project in found)
        raise BadInput(f"several projects are called {name}: name one by its id ({ids})", field="projects")
    return found[0].id


def checked_labels(labels: Sequence[str]) -> tuple[str, ...]:
    checked = tuple(dict.fromkeys(_label(label) for label in labels))
    if len(checked) > MOST_LABELS:
        raise BadInput(f"a runner has at most {MOST_LABELS} labels", field="labels")
    return checked


def set_key(tx: Tx, runner_id: int, key: str) -> None:
    runner = tx.runners.get(runner_id)
    if runner is None:
        raise NotFound("runner", runner_id)
    tx.runners.save(replace(runner, key_hash=digest(key)))


def runner_of(tx: Tx, key: str) -> Runner:
    """Whose key it is: what a runner says of itself is never asked."""
    known = tx.runners.with_key(digest(key)) if key.startswith(PREFIX) else None
    if known is None:
        raise Unauthenticated("this is no runner's key")
    return known


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def set_draining(tx: Tx, runner_id: int, *, draining: bool) -> Runner:
    runner = tx.runners.get(runner_id)
    if runner is None:
        raise NotFound("runner", runner_id)
    changed = replace(runner, draining=draining)
    tx.runners.save(changed)
    return changed


def set_note(tx: Tx, runner_id: int, note: str) -> None:
    runner = tx.runners.get(runner_id)
    if runner and runner.note != note:
        tx.runners.save(replace(runner, note=note))


def _new(tx: Tx, name: str, host: str, now: datetime) -> Runner:
    return Runner(
        id=tx.take_ids("runners")[0],
        organisation_id=DEFAULT_ORGANISATION,
        name=name,
        host=host,
        created_at=now,
    )


def _host(host: str) -> str:
    """A host name or an address; where it leads is nobody's business until a runner there connects to us."""
    host = host.strip()
    if not host or len(host) > LONGEST_HOST or host.startswith("-") or not set(host) <= _HOST_CHARACTERS:
        raise BadInput("host must be a host name or an IP address, such as 10.0.0.5", field="host")
    if host.lower() == LOCAL_RUNNER:
        raise BadInput(
            f"host {host} is what the server's own runner is called: use another name", field="host"
        )
    return host


def _label(label: str) -> str:
    label = label.strip()
    if not label or len(label) > LONGEST_LABEL or not set(label) <= _LABEL_CHARACTERS:
        raise BadInput(
            f"label {label!r} must be 1 to {LONGEST_LABEL} letters, digits or any of ._-/=", field="labels"
        )
    return label


_ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_HOST_CHARACTERS = _ALPHANUMERIC | frozenset(".-:_[]")
_LABEL_CHARACTERS = _ALPHANUMERIC | frozenset("._-/=")
