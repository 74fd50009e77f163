"""Signed, distinct pushes into the real server: durable before they are answered."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import uvloop

from bench.buildbot import IGNORED, available, buildbot
from bench.deliveries import Deliveries, headers_of
from bench.machine import cpu_seconds
from bench.results import Bound, Results, Target, percentile
from bench.site import Site, site, temporary_folder
from bench.wire import exchange
from flowforge.adapters.data.clock import SystemClock
from flowforge.adapters.queue.bell import LocalBell
from flowforge.adapters.store.opening import open_store
from flowforge.forges.github import read
from flowforge.model.push import Happening
from flowforge.services.intake import Intake
from tests.rig.server import SECRET

CLIENTS = 32
MANY, FEW = 6000, 1000
PEERS = 300
"""Pushes for Buildbot in a round: some three seconds of them."""
ACCEPTED = f"webhook accepted, {CLIENTS} clients"
MANY_TIMES = Target(Bound.AT_LEAST, 20, of_ratio=True)
FLOOR = "SQLite alone, the body inserted and committed, one after another"


def measure(rounds: int, results: Results) -> None:
    results.note(
        "webhook: every push is signed, with a delivery and a commit of its own, 7 kB. The first rows name a trusted forge "
        "that accepts connections and never answers: four fetches and eight commit statuses wait for it, the rest behind "
        "them. `refused` names one that may not be spoken to, so that every run is also ended, and its statuses are posted "
        "to an API that answers at once, meanwhile and in the same process: the most that a push can cost it."
    )
    with _slow_forge() as slow, site(_trusting(slow)) as place:
        deliveries = Deliveries(f"http://{slow}", SECRET)
        exchange(_port(place), deliveries.requests(FEW), CLIENTS)
        for _ in range(rounds):
            results.row(FLOOR, "/s").samples.append(_floor(deliveries))
            _alone(place, deliveries, results)
            _together(place, deliveries, results, ACCEPTED, 3000)
            results.row("intake in-process, 32 at once", "/s", floor=FLOOR).samples.append(
                _intake(deliveries)
            )
    with site() as place:
        deliveries = Deliveries("http://127.0.0.1:9", SECRET)
        exchange(_port(place), deliveries.requests(FEW), CLIENTS)
        for _ in range(rounds):
            _together(place, deliveries, results, f"webhook accepted, {CLIENTS} clients, refused", None)
    _beside_buildbot(rounds, results)


def _beside_buildbot(rounds: int, results: Results) -> None:
    """The same pushes, of a branch that nothing is built of; ours from the same rounds, for the ratio."""
    if not available():
        results.note("webhook: Buildbot could not be installed here; its rows are left out.")
        return
    theirs = f"Buildbot's hook accepted, {CLIENTS} clients"
    ours = results.row(f"{ACCEPTED} ÷ Buildbot's", "/s", floor=theirs, target=MANY_TIMES)
    with buildbot(slots=1) as peer, _slow_forge() as slow, site(_trusting(slow)) as place:
        deliveries = Deliveries(f"http://{slow}", SECRET)
        exchange(_port(place), deliveries.requests(FEW), CLIENTS)
        for _ in range(rounds):
            requests = peer.requests(deliveries, PEERS, IGNORED)
            results.row(theirs, "/s").samples.append(exchange(peer.port, requests, CLIENTS).rate)
            ours.samples.append(exchange(_port(place), deliveries.requests(MANY), CLIENTS).rate)


def _trusting(forge: str) -> dict[str, str]:
    return {"FLOWFORGE_TRUSTED_FORGES": forge, "FLOWFORGE_GITHUB_API": f"http://{forge}"}


def _alone(place: Site, deliveries: Deliveries, results: Results) -> None:
    answered = exchange(_port(place), deliveries.requests(FEW), 1).latencies
    target = Target(Bound.AT_MOST, 3)
    results.row("webhook, one client, p50", target=target).samples.append(percentile(answered, 0.5) * 1e3)
    results.row("webhook, one client, p99").samples.append(percentile(answered, 0.99) * 1e3)


def _together(place: Site, deliveries: Deliveries, results: Results, what: str, wanted: float | None) -> None:
    requests = deliveries.requests(MANY)
    before = cpu_seconds(place.process)
    done = exchange(_port(place), requests, CLIENTS)
    spent = cpu_seconds(place.process) - before
    target = None if wanted is None else Target(Bound.AT_LEAST, wanted)
    results.row(what, "/s", floor=FLOOR, target=target).samples.append(done.rate)
    results.row(f"{what}: p99").samples.append(percentile(done.latencies, 0.99) * 1e3)
    results.row(f"{what}: server CPU each").samples.append(spent / MANY * 1e3)
    results.row(f"{what}: client's share of a core", "%").samples.append(done.client_cpu * 100)


def _port(place: Site) -> int:
    return int(place.server.url.rpartition(":")[2])


@contextmanager
def _slow_forge() -> Iterator[str]:
    """The kernel completes connections that nobody accepts."""
    with create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def _floor(deliveries: Deliveries) -> float:
    bodies = deliveries.bodies(FEW)
    with temporary_folder() as folder:
        database = sqlite3.connect(folder / "floor.db", isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE deliveries (id INTEGER PRIMARY KEY, name TEXT UNIQUE, body BLOB)")
        begun = time.perf_counter()
        for body in bodies:
            database.execute("INSERT INTO deliveries (name, body) VALUES (?, ?)", body)
        rate = FEW / (time.perf_counter() - begun)
        database.close()
    return rate


def _intake(deliveries: Deliveries) -> float:
    happenings = [(_happening(delivery, body), body) for delivery, body in deliveries.bodies(MANY)]
    with temporary_folder() as folder:
        return uvloop.run(_accept(folder, happenings))


def _happening(delivery: str, body: bytes) -> Happening:
    found = read({name.lower(): value for name, value in headers_of(delivery).items()}, body)
    if not isinstance(found, Happening):
        raise TypeError(f"a push was read as {found}")
    return found


async def _accept(folder: Path, happenings: Sequence[tuple[Happening, bytes]]) -> float:
    store = open_store(f"sqlite:///{folder}/intake.db")
    intake = Intake(store, LocalBell(), SystemClock())
    waiting = iter(happenings)

    async def client() -> None:
        for happening, body in waiting:
            await intake.accept(happening, body)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as clients:
        for _ in range(CLIENTS):
            clients.create_task(client())
    rate = len(happenings) / (time.perf_counter() - begun)
    await store.close()
    return rate
