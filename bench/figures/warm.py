"""The chain of `chain`, when as many containers wait as it has jobs."""

from bench.figures.chain import BARE, JOBS, bare, chain, pipeline
from bench.results import Bound, Results, Target
from bench.site import site
from bench.warm_pool import fill
from tests.images import image

WARM = f"{JOBS} no-op jobs in a chain, warm pool of {JOBS}, webhook accepted → run finished"


def measure(rounds: int, results: Results) -> None:
    results.note(
        f"warm: FLOWFORGE_POOL has {JOBS} of the image, all of them waiting when a round begins; the time they take to "
        "be there again is not part of a round."
    )
    busybox = image("busybox")
    bare_row = results.row(BARE)
    warm = results.row(WARM, floor=BARE, target=Target(Bound.AT_MOST, 0.3, of_ratio=True))
    planning = results.row("of it, warm: accepted → planned (fetch, parse, plan)")
    already = len(bare_row.samples)
    with site({"FLOWFORGE_POOL": f"{busybox}={JOBS}"}) as place:
        place.carry_out("bench/warm", pipeline(busybox, 1))
        for number in range(rounds):
            if number >= already:
                bare_row.samples.append(bare(busybox))
            fill(place, JOBS)
            whole, planned = chain(place, pipeline(busybox), "bench/warm")
            warm.samples.append(whole)
            planning.samples.append(planned)
