"""The same system with PostgreSQL as its truth."""

import pytest

from tests.postgres import Cluster, postgres_cluster
from tests.rig.counted import CountedJob
from tests.rig.stage import Stage

pytestmark = [
    pytest.mark.needs("postgres"),
    pytest.mark.parametrize(
        "machine", [pytest.param("process", marks=pytest.mark.needs("busybox", "git"))], indirect=True
    ),
]

BUILD = CountedJob("build")
TEST = CountedJob("test", requires=("build",), steps=1)


@pytest.fixture
def settings(postgres_cluster: Cluster) -> dict[str, str]:
    return {"FLOWFORGE_DATABASE_URL": postgres_cluster.database()}


def test_a_push_becomes_a_run_a_log_and_a_commit_status(stage: Stage) -> None:
    run_id = stage.push(BUILD, TEST)
    stage.server.over(run_id)
    assert stage.forge.wait_for(stage.pushed[run_id][0], "success").description == "2 jobs"
    stage.account_for_all()


def test_a_killed_server_goes_on(stage: Stage) -> None:
    stage.counter.hold(BUILD.word("middle"))
    stage.push(BUILD, TEST)
    stage.counter.wait_for(BUILD.word("middle"))
    stage.server.kill()
    stage.counter.release(BUILD.word("middle"))
    stage.server.start()
    stage.account_for_all()


__all__ = ["postgres_cluster"]
