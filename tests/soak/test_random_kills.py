"""kill -9 at moments nobody chose, of runs with several jobs side by side."""

import random
import time

import pytest

from tests.rig.counted import CountedJob
from tests.rig.stage import Stage

MOMENTS = 10
MOMENTS_LONG = 300
RUNS = 3
LONGEST_LIFE = 1.6
"""Seconds a server lives at most before it is killed: about as long as a run takes from its push to its end."""

JOBS = (
    CountedJob("lint", lines=2000),
    CountedJob("build", lines=2000),
    CountedJob("test", requires=("build",), steps=3),
    CountedJob("ship", requires=("lint", "test"), steps=1),
)


@pytest.fixture
def settings() -> dict[str, str]:
    """A kill between a claim's row and its runner's note of it leaves a lease that must run out."""
    return {"FLOWFORGE_LEASE_SECONDS": "5", "FLOWFORGE_RUNNER_SLOTS": "3"}


def test_runs_survive_kills_at_random_moments(stage: Stage, chance: random.Random, long_form: bool) -> None:
    moments = MOMENTS_LONG if long_form else MOMENTS
    for moment in range(moments):
        if moment % max(1, moments // RUNS) == 0 or all(stage.over(run_id) for run_id in stage.pushed):
            stage.push(*JOBS)
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        stage.restart()
    stage.account_for_all()
