"""The newest 50 of a million runs, from the store and over HTTP."""

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

import uvloop

from bench.million import RUNS, fill
from bench.results import Bound, Results, Target, percentile
from bench.site import temporary_folder
from bench.wire import exchange, request
from flowforge.adapters.data.clock import SystemClock
from flowforge.adapters.store.opening import open_store
from flowforge.services.browse import Browse, RunFilter
from tests.rig.server import RealServer

PAGE, TIMES = 50, 100
WANTED = Target(Bound.AT_MOST, 5)
FLOOR = f"newest {PAGE} of {RUNS:,} runs, sqlite3 alone, p50"
FILTERS: Mapping[str, tuple[RunFilter, str]] = {
    "": (RunFilter(), ""),
    ", of one project": (RunFilter(project_id=7), "&project=bench/project-7"),
    ", of one branch": (RunFilter(branch="topic-21"), "&branch=topic-21"),
    ", failed": (RunFilter(status="failure"), "&status=failure"),
    ", running (there is none)": (RunFilter(status="running"), "&status=running"),
    ", from the middle": (RunFilter(), f"&cursor={RUNS // 2}"),
}


def measure(rounds: int, results: Results) -> None:
    results.note(
        f"listing: a sample is the median of {TIMES} readings, one after another, on one connection."
    )
    with temporary_folder() as folder:
        database = folder / "data" / "flowforge.db"
        uvloop.run(fill(database))
        for _ in range(rounds):
            results.row(FLOOR).samples.append(_floor(database))
            uvloop.run(_store(database, results))
            with RealServer(folder, {"FLOWFORGE_LOG_LEVEL": "warning"}) as server:
                _http(server, results)


def _floor(database: Path) -> float:
    connection = sqlite3.connect(database)
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        connection.execute("SELECT * FROM runs ORDER BY id DESC LIMIT ?", (PAGE,)).fetchall()
        taken.append(time.perf_counter() - begun)
    connection.close()
    return percentile(taken, 0.5) * 1e3


async def _store(database: Path, results: Results) -> None:
    store = open_store(f"sqlite:///{database}")
    browse = Browse(store, SystemClock())
    for name, (where, query) in FILTERS.items():
        after = RUNS // 2 if "cursor" in query else None
        taken = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            await browse.runs(PAGE, after, where)
            taken.append(time.perf_counter() - begun)
        row = results.row(f"newest {PAGE} of {RUNS:,} runs{name}: store, p50", floor=FLOOR, target=WANTED)
        row.samples.append(percentile(taken, 0.5) * 1e3)
    await store.close()


def _http(server: RealServer, results: Results) -> None:
    port = int(server.url.rpartition(":")[2])
    token = (server.data / "local.token").read_text().strip()
    for name, (_, query) in FILTERS.items():
        asked = request("GET", f"/api/v1/runs?limit={PAGE}{query}", {"Authorization": f"Bearer {token}"})
        exchange(port, [asked] * 5, 1)
        taken = exchange(port, [asked] * TIMES, 1).latencies
        row = results.row(f"newest {PAGE} of {RUNS:,} runs{name}: HTTP, p50", floor=FLOOR, target=WANTED)
        row.samples.append(percentile(taken, 0.5) * 1e3)
