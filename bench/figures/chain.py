"""Ten jobs that do nothing, one after another, beside ten bare `docker run`."""

import subprocess
import time

from bench.results import Bound, Results, Target
from bench.site import Site, seconds_between, site
from tests.images import image

JOBS = 10
BARE = f"{JOBS} bare docker run --rm, one after another"
CHAIN = f"{JOBS} no-op jobs in a chain, webhook accepted → run finished"


def measure(rounds: int, results: Results) -> None:
    busybox = image("busybox")
    beside = results.row(BARE)
    ten = results.row(CHAIN, floor=BARE, target=Target(Bound.AT_MOST, 1.15, of_ratio=True))
    prepared = results.row("of it: accepted → planned (fetch, parse, plan)")
    ours = results.row("of it: FlowForge's own, per job")
    with site() as place:
        place.carry_out("bench/chain", pipeline(busybox, 1))
        for _ in range(rounds):
            beside.samples.append(bare(busybox))
            whole, planning = chain(place, pipeline(busybox))
            ten.samples.append(whole)
            prepared.samples.append(planning)
            ours.samples.append((whole - planning - beside.samples[-1]) / JOBS)


def pipeline(image: str, jobs: int = JOBS) -> str:
    lines = ["jobs:"]
    for number in range(jobs):
        lines += [f"  j{number}:", f"    docker: [{{image: {image}}}]", "    steps: [{run: 'true'}]"]
    lines += ["workflows:", "  main:", "    jobs:"]
    lines += [
        f"      - j{number}: {{requires: [j{number - 1}]}}" if number else "      - j0"
        for number in range(jobs)
    ]
    return "\n".join(lines) + "\n"


def bare(image: str, times: int = JOBS) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        subprocess.run(["docker", "run", "--rm", image, "true"], check=True, capture_output=True)
    return (time.perf_counter() - begun) * 1e3


def chain(place: Site, text: str, repository: str = "bench/chain") -> tuple[float, float]:
    """By the server's clock, so that asking whether it is over does not count."""
    run = place.carry_out(repository, text)
    first = min(job["started_at"] for job in run["jobs"])
    return (
        seconds_between(run["created_at"], run["finished_at"]) * 1e3,
        seconds_between(run["created_at"], first) * 1e3,
    )
