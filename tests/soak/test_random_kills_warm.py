"""kill -9 at moments nobody chose, of a server whose jobs take containers that wait."""

import random
import time

import pytest

from tests.images import image
from tests.rig.counted import CountedJob
from tests.rig.stage import Stage

MOMENTS = 2
MOMENTS_LONG = 100
LONGEST_LIFE = 3.0
"""Seconds: long enough for the pool to fill and be taken from, short enough to be hit while either is under way."""

JOBS = (CountedJob("build", lines=500), CountedJob("test", requires=("build",), steps=2))


@pytest.fixture
def settings() -> dict[str, str]:
    return {"FLOWFORGE_LEASE_SECONDS": "5", "FLOWFORGE_POOL": f"{image('busybox')}=2"}


@pytest.mark.needs("docker", "busybox", "git")
@pytest.mark.parametrize("machine", ["docker"], indirect=True)
def test_runs_with_a_pool_survive_kills_at_random_moments(
    stage: Stage, chance: random.Random, long_form: bool
) -> None:
    for moment in range(MOMENTS_LONG if long_form else MOMENTS):
        if moment % 5 == 0 or all(stage.over(run_id) for run_id in stage.pushed):
            stage.push(*JOBS)
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        stage.restart()
    stage.server.environment["FLOWFORGE_POOL"] = "off"
    stage.restart()
    stage.account_for_all()
