"""Processor time that the control plane spends on a job that does nothing, beside Buildbot's."""

from bench.buildbot import BUILT, Buildbot, available, buildbot
from bench.deliveries import Deliveries
from bench.machine import own_cpu_seconds
from bench.results import Bound, Results, Target
from bench.site import CONFIG, Site, site
from bench.wire import exchange
from tests.images import image
from tests.rig.server import SECRET

JOBS = 50
SLOTS = 2
OURS = "server CPU per trivial job, process"
IN_CONTAINERS = "server CPU per trivial job, docker"
THEIRS = "Buildbot's CPU (master and worker) per trivial build"
LITTLE = Target(Bound.AT_MOST, 12)
LESS = Target(Bound.AT_LEAST, 15, of_ratio=True)


def measure(rounds: int, results: Results) -> None:
    results.note(
        f"cpu: user and system time of the server (store, web, runner: one process) from the webhook of a run with {JOBS} jobs "
        "until its last commit status was taken, ÷ jobs; of Buildbot's master and worker for as many pushes with one build "
        "each. What the jobs' own processes, git and the container engine spend counts for neither; nobody asks for progress."
    )
    busybox = image("busybox")
    _ours("process", _pipeline(None), rounds, results.row(OURS, target=LITTLE).samples)
    _ours("docker", _pipeline(busybox), rounds, results.row(IN_CONTAINERS, target=LITTLE).samples)
    if not available():
        results.note("cpu: Buildbot could not be installed here; its rows are left out.")
        return
    with buildbot(SLOTS) as peer:
        deliveries = Deliveries("http://127.0.0.1:9", SECRET)
        _theirs(peer, deliveries)
        for _ in range(rounds):
            results.row(THEIRS, floor=OURS, target=LESS).samples.append(_theirs(peer, deliveries))


def _ours(executor: str, pipeline: str, rounds: int, samples: list[float]) -> None:
    settings = {"FLOWFORGE_EXECUTOR": executor, "FLOWFORGE_RUNNER_SLOTS": str(SLOTS)}
    with site(settings) as place:
        _carry_out(place, pipeline)
        for _ in range(rounds):
            before = own_cpu_seconds(place.process)
            _carry_out(place, pipeline)
            samples.append((own_cpu_seconds(place.process) - before) / JOBS * 1e3)


def _carry_out(place: Site, pipeline: str) -> None:
    """Its end is heard of from the forge: a question to the server would count as its work."""
    commit = place.forge.commit("bench/cpu", {CONFIG: pipeline.encode()})
    place.server.deliver(place.forge.push("bench/cpu", commit, SECRET))
    place.forge.wait_for(commit, "success", seconds=120)


def _pipeline(image: str | None) -> str:
    container = f"docker: [{{image: {image}}}], " if image else ""
    return "\n".join(
        ["jobs:", *(f"  j{number}: {{{container}steps: [run: 'true']}}" for number in range(JOBS))]
    )


def _theirs(peer: Buildbot, deliveries: Deliveries) -> float:
    requests = peer.requests(deliveries, JOBS, BUILT)
    ended, before = peer.ended(), peer.cpu()
    exchange(peer.port, requests, 1)
    peer.wait_for(ended + JOBS)
    return (peer.cpu() - before) / JOBS * 1e3
