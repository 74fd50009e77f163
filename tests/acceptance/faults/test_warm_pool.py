"""The server with containers that wait: killed, stopped, and side by side with what an earlier life left."""

import time

import pytest

from flowforge.adapters.data.folder import DataFolder
from tests.images import image
from tests.rig import engine
from tests.rig.counted import CountedJob
from tests.rig.machine import until
from tests.rig.stage import Stage

pytestmark = pytest.mark.needs("docker", "busybox", "git")
POOL = 2
# After the server's start: before anything waits, while it is made, when it is taken, and while jobs run in it.
LIVES = (0.6, 2.0)
JOBS = (CountedJob("build", lines=300), CountedJob("test", requires=("build",), steps=2))


@pytest.fixture
def settings() -> dict[str, str]:
    return {"FLOWFORGE_LEASE_SECONDS": "5", "FLOWFORGE_POOL": f"{image('busybox')}={POOL}"}


def slots(stage: Stage) -> list[str]:
    instance = DataFolder(stage.server.data).instance()
    return [name for name in engine.labelled(f"flowforge.instance={instance}") if "-slot-" in name]


@pytest.mark.parametrize("machine", ["docker"], indirect=True)
def test_jobs_of_a_killed_servers_pool_are_adopted_and_nothing_of_it_stays(stage: Stage) -> None:
    until(lambda: len(slots(stage)) == POOL, "a filled pool", seconds=60)
    for seconds in LIVES:
        stage.push(*JOBS)
        time.sleep(seconds)
        stage.restart()
    stage.server.environment["FLOWFORGE_POOL"] = "off"
    stage.restart()
    stage.account_for_all()


@pytest.mark.parametrize("machine", ["docker"], indirect=True)
def test_a_server_that_is_told_to_stop_leaves_no_waiting_container(stage: Stage) -> None:
    until(lambda: len(slots(stage)) == POOL, "a filled pool", seconds=60)
    assert stage.server.stop() == 0
    assert slots(stage) == []
