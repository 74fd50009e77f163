"""200 MB of short lines from a job into the stored log, and what they do to the server's memory."""

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import resident_mb
from bench.results import Bound, Results, Target
from bench.site import Site, site, temporary_folder
from tests.images import image

SIZE = 200_000_000
MB = 1e6
LINE = "a short line of a build that has a lot to say, number after number, 0123456789"
SECRETS = {f"SECRET_{number}": f"s3cr3t-value-{number:04d}-of-some-length" for number in range(20)}
WANTED = Target(Bound.AT_LEAST, 60)
GROWTH = Target(Bound.AT_MOST, 50)
LOOK = 0.1

PIPE = "a plain pipe, 200 MB read by the host"
MOUNTED = "docker run, 200 MB into a bind-mounted file"


def measure(rounds: int, results: Results) -> None:
    busybox = image("busybox")
    results.note(
        "logs: lines of 79 bytes; from the first stored byte to the run's end, when all of it is stored and sealed. Growth is "
        "the largest resident size meanwhile over that after a first small job."
    )
    with site() as docker, site({"FLOWFORGE_EXECUTOR": "process"}) as process, _with_secrets() as secrets:
        for place, container in ((docker, busybox), (process, ""), (secrets, "")):
            place.carry_out("bench/small", _pipeline(container, 1000))
        quiet = {id(place): resident_mb(place.process) for place in (docker, process, secrets)}
        for _ in range(rounds):
            results.row(PIPE, "MB/s").samples.append(_pipe())
            results.row(MOUNTED, "MB/s").samples.append(_mounted(busybox))
            for name, place, container, floor, known in (
                ("log stored, process", process, "", PIPE, ()),
                ("log stored, docker", docker, busybox, MOUNTED, ()),
                ("log stored, process, 20 secrets", secrets, "", PIPE, tuple(SECRETS)),
            ):
                rate, largest = _stored(place, _pipeline(container, SIZE, known))
                results.row(name, "MB/s", floor=floor, target=WANTED).samples.append(rate)
                grown = results.row(f"{name}: server grows by", "MB", target=GROWTH)
                grown.samples.append(largest - quiet[id(place)])


def _with_secrets() -> Any:
    values = {f"FLOWFORGE_SECRET_{name}": value for name, value in SECRETS.items()}
    return site({"FLOWFORGE_EXECUTOR": "process", **values})


def _command(size: int) -> str:
    """Of a shell with pipefail too, in which the `yes` that is cut off would be a failure."""
    return f"(yes '{LINE}' || true) | head -c {size}"


def _pipeline(image: str, size: int, secrets: tuple[str, ...] = ()) -> str:
    lines = ["jobs:", "  talk:"]
    if image:
        lines.append(f"    docker: [{{image: {image}}}]")
    if secrets:
        lines.append(f"    secrets: [{', '.join(secrets)}]")
    return "\n".join([*lines, "    steps:", f'      - run: "{_command(size)}"']) + "\n"


def _stored(place: Site, pipeline: str) -> tuple[float, float]:
    """The end is the server's own word, so it need not be asked often."""
    run_id = place.begin("bench/talk", pipeline)
    while not _size(place, run_id):
        time.sleep(LOOK / 10)
    begun, largest = datetime.now(UTC), 0.0
    while not (run := place.server.run(run_id))["finished_at"]:
        largest = max(largest, resident_mb(place.process))
        time.sleep(LOOK)
    if run["status"] != "success" or _size(place, run_id) != SIZE:
        raise RuntimeError(f"the log is not whole: {run['reason']}, {_size(place, run_id)} bytes")
    seconds = (datetime.fromisoformat(run["finished_at"]) - begun).total_seconds()
    return SIZE / MB / seconds, max(largest, resident_mb(place.process))


def _size(place: Site, run_id: int) -> int:
    headers = {"Authorization": f"Bearer {place.token}"}
    answer = place.server.ask("HEAD", f"/api/v1/runs/{run_id}/jobs/talk/log", headers=headers)
    return int(answer.headers["content-length"]) if answer.status == 200 else 0


def _pipe() -> float:
    begun = time.perf_counter()
    with subprocess.Popen(["/bin/sh", "-c", _command(SIZE)], stdout=subprocess.PIPE, bufsize=0) as talking:
        left = SIZE
        while left and talking.stdout:
            left -= len(talking.stdout.read(1 << 20))
    return SIZE / MB / (time.perf_counter() - begun)


def _mounted(image: str) -> float:
    with temporary_folder() as folder:
        command = [
            "docker",
            "run",
            "--rm",
            "--network",
            "none",
            "--log-driver",
            "none",
            "-v",
            f"{folder}:/into",
        ]
        begun = time.perf_counter()
        subprocess.run([*command, image, "sh", "-c", f"{_command(SIZE)} > /into/log"], check=True)
        rate = SIZE / MB / (time.perf_counter() - begun)
        if Path(folder, "log").stat().st_size != SIZE:
            raise RuntimeError("the container wrote less than it was told to")
    return rate
