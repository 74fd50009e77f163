"""Two hundred jobs that do nothing, all ready at once, when a container waits for each."""

from bench.figures.chain import bare
from bench.results import Bound, Results, Target
from bench.site import Site, seconds_between, site
from bench.warm_pool import fill
from tests.images import image

JOBS = 200
BARE_JOBS = 10
SLOTS = 4
BARE = "bare docker run --rm, one after another"
WARM = f"{JOBS} queued no-op jobs, warm pool of {JOBS}, accepted → run finished"
COLD = f"{JOBS // 4} queued no-op jobs without a pool"


def measure(rounds: int, results: Results) -> None:
    results.note(
        f"queue: one run of {JOBS} jobs without needs, {SLOTS} slots (FLOWFORGE_RUNNER_SLOTS). FLOWFORGE_POOL is set to "
        f"{JOBS} of the image, and all wait before a round begins; nothing is refilled while jobs run, so what it takes to "
        "start them, some four a second, is not part of the figure. It is how fast a prepared burst goes, not a rate that "
        "lasts: that one is the row without a pool."
    )
    busybox = image("busybox")
    floor = results.row(BARE, "/s")
    warm = results.row(WARM, "/s", floor=BARE, target=Target(Bound.AT_LEAST, 4, of_ratio=True))
    cold = results.row(COLD, "/s", floor=BARE)
    filling = results.row(f"a pool of {JOBS} filled, containers", "/s")
    slots = {"FLOWFORGE_RUNNER_SLOTS": str(SLOTS)}
    with site({**slots, "FLOWFORGE_POOL": f"{busybox}={JOBS}"}) as place:
        for _ in range(rounds):
            filling.samples.append(JOBS / fill(place, JOBS))
            floor.samples.append(BARE_JOBS * 1e3 / bare(busybox))
            warm.samples.append(_rate(place, busybox, JOBS))
    with site(slots) as place:
        for _ in range(rounds):
            cold.samples.append(_rate(place, busybox, JOBS // 4))


def _rate(place: Site, image: str, jobs: int) -> float:
    lines = ["jobs:"]
    for number in range(jobs):
        lines += [f"  j{number}:", f"    docker: [{{image: {image}}}]", "    steps: [{run: 'true'}]"]
    run = place.carry_out("bench/queue", "\n".join(lines) + "\n", 600)
    return jobs / seconds_between(run["created_at"], run["finished_at"])
