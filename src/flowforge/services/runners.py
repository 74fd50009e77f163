"""Machines that carry out jobs."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowforge.errors import BadInput, NotFound, Unauthenticated
from flowforge.model.project import DEFAULT_ORGANISATION
from flowforge.model.runner import Runner, RunnerStatus
from flowforge.ports import Clock, Store, Tx

LOCAL_RUNNER = "local"
PREFIX = "ffr_"
ONLINE_FOR = timedelta(seconds=90)
LONGEST_HOST = 253
LONGEST_LABEL = 63
MOST_LABELS = 32


@dataclass(frozen=True, slots=True)
class Runners:
    store: Store
    clock: Clock

    async def all(self) -> Sequence[Runner]:
        return await self.store.read(lambda tx: tx.runners.all())

    async def register(self, host: str, labels: Sequence[str]) -> Runner:
        """A runner known by its host. The same host again gets the new labels."""
        checked = _host(host), tuple(dict.fromkeys(_label(label) for label in labels))
        if len(checked[1]) > MOST_LABELS:
            raise BadInput(f"a runner has at most {MOST_LABELS} labels", field="labels")
        now = self.clock.now()
        return await self.store.write(lambda tx: register(tx, *checked, now))

    async def enrol_local(self, slots: int, executor: str) -> Runner:
        """The runner inside this server, made at the first start."""
        now = self.clock.now()
        return await self.store.write(lambda tx: enrol_local(tx, slots, executor, now))

    async def issue_key(self, runner_id: int) -> str:
        """A new credential for the runner, shown to nobody again; the one before ends."""
        key = PREFIX + secrets.token_urlsafe(32)
        await self.store.write(lambda tx: set_key(tx, runner_id, key))
        return key

    async def note(self, runner_id: int, note: str) -> None:
        """Why a runner takes no jobs; empty when it does."""
        await self.store.write(lambda tx: set_note(tx, runner_id, note))


def status_of(runner: Runner, now: datetime) -> RunnerStatus:
    if runner.seen_at is None:
        return RunnerStatus.REGISTERED
    return RunnerStatus.ONLINE if now - runner.seen_at <= ONLINE_FOR else RunnerStatus.OFFLINE


def register(tx: Tx, host: str, labels: tuple[str, ...], now: datetime) -> Runner:
    known = next((runner for runner in tx.runners.all() if runner.host == host), None)
    runner = replace(known, labels=labels) if known else _new(tx, host, host, labels, now)
    tx.runners.save(runner)
    return runner


def enrol_local(tx: Tx, slots: int, executor: str, now: datetime) -> Runner:
    known = next((runner for runner in tx.runners.all() if runner.name == LOCAL_RUNNER), None)
    runner = known or _new(tx, LOCAL_RUNNER, "localhost", (), now)
    runner = replace(runner, slots=slots, executor=executor)
    tx.runners.save(runner)
    return runner


def set_key(tx: Tx, runner_id: int, key: str) -> None:
    runner = tx.runners.get(runner_id)
    if runner is None:
        raise NotFound("runner", runner_id)
    tx.runners.save(replace(runner, key_hash=_hash(key)))


def runner_of(tx: Tx, key: str) -> Runner:
    """Whose key it is: what a runner says of itself is never asked."""
    known = _hash(key)
    for runner in tx.runners.all() if key.startswith(PREFIX) else ():
        if runner.key_hash and secrets.compare_digest(runner.key_hash, known):
            return runner
    raise Unauthenticated("this is no runner's key")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def set_note(tx: Tx, runner_id: int, note: str) -> None:
    runner = tx.runners.get(runner_id)
    if runner and runner.note != note:
        tx.runners.save(replace(runner, note=note))


def _new(tx: Tx, name: str, host: str, labels: tuple[str, ...], now: datetime) -> Runner:
    return Runner(
        id=tx.take_ids("runners")[0],
        organisation_id=DEFAULT_ORGANISATION,
        name=name,
        host=host,
        labels=labels,
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
