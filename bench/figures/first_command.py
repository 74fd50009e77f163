"""From a webhook on its way to the first command of its run, with the commit's files ready in the mirror."""

import time
from datetime import datetime
from typing import Any

from bench.figures.chain import bare
from bench.results import Bound, Results, Row, Target
from bench.site import CONFIG, Site, site
from bench.warm_pool import fill
from tests.images import image
from tests.rig.server import SECRET

BARE = "one bare docker run --rm"
COLD = "webhook sent → first command, ready checkout, cold"
WARM = "webhook sent → first command, ready checkout, warm"
REPOSITORY = "bench/first"
FILES = 100


def measure(rounds: int, results: Results) -> None:
    results.note(
        f"first_command: a repository of {FILES} files; the commit was pushed before, to another branch, so that the mirror "
        "has it. From before the webhook is sent to the moment the supervisor starts the command, by the same clock."
    )
    busybox = image("busybox")
    floor = results.row(BARE)
    cold = results.row(COLD, floor=BARE, target=Target(Bound.AT_MOST, 1.3, of_ratio=True))
    warm = results.row(WARM, floor=BARE, target=Target(Bound.AT_MOST, 60))
    with site() as place:
        commit = _prepare(place, busybox)
        for number in range(rounds):
            floor.samples.append(bare(busybox, 1))
            _sample(place, commit, f"cold-{number}", cold)
    with site({"FLOWFORGE_POOL": f"{busybox}=1"}) as place:
        commit = _prepare(place, busybox)
        for number in range(rounds):
            fill(place, 1)
            time.sleep(1)  # what the last job left is gone, too
            _sample(place, commit, f"warm-{number}", warm)


def _prepare(place: Site, image: str) -> str:
    config = f"jobs:\n  only:\n    docker: [{{image: {image}}}]\n    steps: [{{run: 'true'}}]\n"
    files: dict[str, Any] = {f"folder-{n % 10}/file-{n}": b"text\n" * 50 for n in range(FILES)}
    commit = place.forge.commit(REPOSITORY, {**files, CONFIG: config.encode()})
    _carry_out(place, commit, "main")
    return commit


def _sample(place: Site, commit: str, branch: str, row: Row) -> None:
    sent = time.time()
    run = _carry_out(place, commit, branch)
    began = datetime.fromisoformat(run["jobs"][0]["steps"][-1]["started_at"]).timestamp()
    row.samples.append((began - sent) * 1e3)


def _carry_out(place: Site, commit: str, branch: str) -> Any:
    push = place.forge.push(REPOSITORY, commit, SECRET, branch=branch)
    run = place.server.over(place.server.deliver(push), 60)
    if run["status"] != "success":
        raise RuntimeError(f"a benchmark's run ended as {run['status']}: {run['reason']}")
    return run
