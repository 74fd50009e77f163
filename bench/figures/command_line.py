"""`flowforge --help`, and `flowforge run` of a job that does nothing, beside a bare `docker run`."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.results import Bound, Results, Target
from bench.site import CONFIG, temporary_folder
from tests.images import image

FLOWFORGE = [sys.executable, "-c", "from flowforge.cli.main import main; main()"]
BARE = "docker run --rm, a no-op"
INTERPRETER = "python3 -c pass, beside the command line"
SOON = Target(Bound.AT_MOST, 200)


def measure(rounds: int, results: Results) -> None:
    busybox = image("busybox")
    with temporary_folder() as folder:
        contained = _project(folder / "contained", f"    docker: [{{image: {busybox}}}]\n")
        plain = _project(folder / "plain", "")
        rows = {
            results.row(INTERPRETER): ([sys.executable, "-c", "pass"], folder),
            results.row(BARE): (["docker", "run", "--rm", busybox, "true"], folder),
            results.row("flowforge --help", floor=INTERPRETER, target=SOON): ([*FLOWFORGE, "--help"], folder),
            results.row("flowforge run, a no-op in docker", floor=BARE): ([*FLOWFORGE, "run"], contained),
            results.row("flowforge run, a no-op as a process", floor=INTERPRETER): (
                [*FLOWFORGE, "run", "--executor", "process"],
                plain,
            ),
        }
        for _ in range(rounds):
            for row, (command, where) in rows.items():
                row.samples.append(_taken(command, where, folder))


def _project(folder: Path, container: str) -> Path:
    config = folder / CONFIG
    config.parent.mkdir(parents=True)
    config.write_text(f"jobs:\n  noop:\n{container}    steps: [{{run: 'true'}}]\n")
    return folder


def _taken(command: Sequence[str], where: Path, home: Path) -> float:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    begun = time.perf_counter()
    subprocess.run(command, cwd=where, env=environment, check=True, capture_output=True, timeout=60)
    return (time.perf_counter() - begun) * 1e3
