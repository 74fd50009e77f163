"""PostgreSQL goes away and comes back while a job runs."""

from collections.abc import Iterator

import pytest

from tests.postgres import Cluster, postgres_cluster
from tests.rig.counted import CountedJob
from tests.rig.fixtures import PROCESS
from tests.rig.server import SECRET
from tests.rig.stage import Stage

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.parametrize("machine", [PROCESS], indirect=True)]

BUILD = CountedJob("build", steps=2)
TEST = CountedJob("test", requires=("build",), steps=1)
LEASE = 2


@pytest.fixture
def cluster(postgres_cluster: Cluster) -> Iterator[Cluster]:
    """Of this module's process alone; others go on with it, so it runs again in any case."""
    yield postgres_cluster
    if not (postgres_cluster.folder / "data" / "postmaster.pid").exists():
        postgres_cluster.start()


@pytest.fixture
def settings(cluster: Cluster) -> dict[str, str]:
    return {"FLOWFORGE_DATABASE_URL": cluster.database(), "FLOWFORGE_LEASE_SECONDS": str(LEASE)}


def deliver(stage: Stage, number: int) -> tuple[int, dict[str, str], int]:
    commit = stage.forge.commit("acme/web", {"n": b"%d" % number}, branch=f"b{number}")
    push = stage.forge.push("acme/web", commit, SECRET, branch=f"b{number}")
    answer = stage.server.ask("POST", "/webhook", push.body, push.headers)
    run_id = int(answer.value["pipeline_id"]) if answer.status == 200 else 0
    return answer.status, dict(answer.headers), run_id


def test_a_job_outlives_its_database_and_a_webhook_meanwhile_is_refused(
    stage: Stage, cluster: Cluster
) -> None:
    """Away for several leases: as long as a webhook waits before it is refused."""
    stage.counter.hold(BUILD.word("middle"))
    stage.push(BUILD, TEST)
    stage.counter.wait_for(BUILD.word("middle"))
    cluster.stop()
    stage.counter.release(BUILD.word("middle"))
    status, headers, _ = deliver(stage, 1)
    assert (status, int(headers["retry-after"]) >= 1) == (503, True)
    stage.counter.wait_for(BUILD.word("end", 1))
    cluster.start()
    status, _, run_id = deliver(stage, 2)
    assert status == 200
    stage.server.over(run_id)
    stage.account_for_all()


__all__ = ["postgres_cluster"]
