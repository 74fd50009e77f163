"""From the text of a config with a matrix of 5,000 jobs to their orders."""

import time
import tracemalloc

from bench.results import Bound, Results, Target
from flowforge.dialects.native import NATIVE
from flowforge.engine.plan import Occasion, plan
from flowforge.model.inputs import Given
from flowforge.model.plan import Plan
from flowforge.model.source import Source
from flowforge.model.trigger import Trigger, TriggerEvent

JOBS = 5_000
SOON = Target(Bound.AT_MOST, 300)
SMALL = Target(Bound.AT_MOST, 60)
TEXT = f"""
jobs:
  prepare: {{image: busybox, steps: [checkout, run: make]}}
  test:
    parameters:
      a: {{type: string}}
      b: {{type: string}}
    docker: [image: python:3.12]
    environment: {{MODE: test}}
    steps:
      - checkout
      - run: {{name: Install, command: make install}}
      - run: make test A=<< parameters.a >> B=<< parameters.b >>
workflows:
  main:
    jobs:
      - prepare
      - test:
          requires: [prepare]
          matrix:
            parameters:
              a: [{", ".join(f"a{number}" for number in range(100))}]
              b: [{", ".join(f"b{number}" for number in range(JOBS // 100))}]
"""
TRIGGER = Trigger(
    event=TriggerEvent.PUSH, repository="bench/plan", commit="c" * 40, ref="refs/heads/main", branch="main"
)


def measure(rounds: int, results: Results) -> None:
    results.note(
        f"plan: text to orders of {JOBS:,} jobs of three steps each; memory is the peak of what Python allocates meanwhile."
    )
    for _ in range(rounds):
        begun = time.perf_counter()
        _planned()
        results.row(f"plan of a matrix of {JOBS:,} jobs", target=SOON).samples.append(
            (time.perf_counter() - begun) * 1e3
        )
        tracemalloc.start()
        kept = _planned()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        row = results.row(f"plan of a matrix of {JOBS:,} jobs, memory", "MB", target=SMALL)
        row.samples.append(peak / 1e6)
        if len(kept.jobs) != JOBS + 1:
            raise RuntimeError(f"{len(kept.jobs)} jobs were planned")


def _planned() -> Plan:
    parsed = NATIVE.parse(TEXT, ".flowforge/ci.yml", Given(trigger=TRIGGER, number=1, run_id=1))
    if parsed.pipeline is None:
        raise RuntimeError("; ".join(map(str, parsed.problems)))
    source = Source(origin="https://forge.example/bench/plan.git", commit=TRIGGER.commit)
    return plan(parsed.pipeline, Occasion(run_id=1, number=1, trigger=TRIGGER, source=source))
