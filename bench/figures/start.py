"""From the start of `flowforge up` to its first answer, and what it holds in memory when nothing happens."""

import subprocess
import sys
import time
from pathlib import Path

from bench.machine import resident_mb
from bench.results import Bound, Results, Target
from bench.site import Site, site, temporary_folder
from tests.rig.server import RealServer

SOON = Target(Bound.AT_MOST, 600)
SMALL = Target(Bound.AT_MOST, 90)
IDLE = 3.0
INTERPRETER = "python3 -c pass"
ASKED = ("/api/v1/info", "/api/v1/runs", "/api/v1/runners", "/ui/projects", "/ui/login")


def measure(rounds: int, results: Results) -> None:
    results.note(
        "start: files are in the page cache; from the process's start to the 200 of /health, over a new connection. "
        f"`fresh` makes the database; idle memory is VmRSS {IDLE:.0f} s after that, then after {len(ASKED)} pages of API "
        "and UI were asked for."
    )
    with temporary_folder() as known:
        _first_answer(known)
        for _ in range(rounds):
            results.row(INTERPRETER).samples.append(_interpreter())
            with temporary_folder() as fresh:
                row = results.row("start to first answer, fresh data folder", floor=INTERPRETER, target=SOON)
                row.samples.append(_first_answer(fresh))
            row = results.row("start to first answer, existing data folder", floor=INTERPRETER, target=SOON)
            row.samples.append(_first_answer(known))
    for _ in range(max(1, rounds // 3)):
        with site() as place:
            _memory(place, results)


def _interpreter() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (time.perf_counter() - begun) * 1e3


def _first_answer(folder: Path) -> float:
    begun = time.perf_counter()
    with RealServer(folder, {"FLOWFORGE_LOG_LEVEL": "warning"}) as server:
        status = server.ask("GET", "/health").status
        taken = (time.perf_counter() - begun) * 1e3
    if status != 200:
        raise RuntimeError(f"/health answered {status}")
    return taken


def _memory(place: Site, results: Results) -> None:
    time.sleep(IDLE)
    results.row("idle memory", "MB", target=SMALL).samples.append(resident_mb(place.process))
    for path in ASKED:
        place.server.ask("GET", path, headers={"Authorization": f"Bearer {place.token}"})
    row = results.row("idle memory, after a few requests", "MB", target=SMALL)
    row.samples.append(resident_mb(place.process))
