"""How long after a line was printed a follower of the log has it."""

import http.client
import time

from bench.results import Bound, Results, Target, percentile
from bench.site import Site, site
from tests.images import image

LINES = 100
PAUSE = 0.03
WANTED = Target(Bound.AT_MOST, 50)


def measure(rounds: int, results: Results) -> None:
    results.note(
        f"follow: bash prints $EPOCHREALTIME {LINES} times, {PAUSE * 1000:.0f} ms apart; each line is compared with the clock "
        "when the follower's socket has it. A sample is one run's percentile."
    )
    bash = image("bash")
    with site() as docker, site({"FLOWFORGE_EXECUTOR": "process"}) as process:
        for _ in range(rounds):
            for name, place, container in (("docker", docker, bash), ("process", process, "")):
                late = _followed(place, container)
                p50 = results.row(f"line printed → at a follower, {name}, p50", target=WANTED)
                p50.samples.append(percentile(late, 0.5) * 1e3)
                p99 = results.row(f"line printed → at a follower, {name}, p99")
                p99.samples.append(percentile(late, 0.99) * 1e3)


def _followed(place: Site, image: str) -> list[float]:
    run_id = place.begin("bench/tick", _pipeline(image))
    host = place.server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    while True:
        path = f"/api/v1/runs/{run_id}/jobs/tick/log?follow=true"
        connection.request("GET", path, headers={"Authorization": f"Bearer {place.token}"})
        answer = connection.getresponse()
        if answer.status == 200:
            break
        answer.read()
        time.sleep(0.01)
    late, rest = [], b""
    while chunk := answer.read1(1 << 16):
        now = time.time()
        *lines, rest = (rest + chunk).split(b"\n")
        late += [now - float(line) for line in lines]
    connection.close()
    if len(late) != LINES:
        raise RuntimeError(f"{len(late)} lines of {LINES} came")
    return late


def _pipeline(image: str) -> str:
    container = f"    docker: [{{image: {image}}}]\n" if image else ""
    return f"""
jobs:
  tick:
{container}    steps:
      - run:
          shell: bash
          command: |
            for ((n = 0; n < {LINES}; n++)); do
              echo $EPOCHREALTIME
              sleep {PAUSE}
            done
"""
