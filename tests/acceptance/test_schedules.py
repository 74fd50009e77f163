"""Schedules on two real servers that share one PostgreSQL, with a clock that is moved to the hour in question."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.postgres import Cluster, postgres_cluster
from tests.rig import FakeGitHub
from tests.rig.clock import WallClock
from tests.rig.machine import until
from tests.rig.server import REPOSITORY, RealServer

pytestmark = pytest.mark.needs("postgres", "cc", "busybox", "git")

ZONE = ZoneInfo("America/St_Johns")
"""Half an hour off, so that no other zone will do."""
CONFIG = b"""
parameters: {deep: {type: boolean, default: false}}
triggers:
  schedule: [{cron: "15 4 * * *", timezone: America/St_Johns, inputs: {deep: true}}]
jobs:
  nightly:
    environment: {DEEP: << pipeline.parameters.deep >>}
    steps: [run: 'echo "$DEEP << pipeline.git.branch >> << pipeline.trigger_source >>"']
"""


@pytest.fixture
def servers(
    tmp_path: Path, forge: FakeGitHub, wall_clock: WallClock, postgres_cluster: Cluster
) -> Iterator[tuple[RealServer, RealServer]]:
    """Not started yet."""
    own = {"FLOWFORGE_DATABASE_URL": postgres_cluster.database(), "FLOWFORGE_EXECUTOR": "process"}
    with ExitStack() as stack:
        made = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            server = RealServer(tmp_path / name, forge.environment | own | wall_clock.environment)
            stack.push(server.__exit__)
            made.append(server)
        tmp_path.chmod(0o711)
        yield made[0], made[1]


def next_night() -> datetime:
    """When the schedule is due next."""
    now = datetime.now(ZONE)
    today = datetime.combine(now.date(), time(4, 15), ZONE)
    return (
        today if today > now else datetime.combine(now.date() + timedelta(1), time(4, 15), ZONE)
    ).astimezone(UTC)


def by_the_clock(server: RealServer) -> list[Any]:
    items = server.api("GET", f"/runs?project={REPOSITORY}").value["items"]
    return [run for run in items if run["event"] == "schedule"]


def test_a_schedule_is_kept_once_by_two_servers_in_its_own_zone_and_made_up_for_after_a_kill(
    servers: tuple[RealServer, RealServer], forge: FakeGitHub, wall_clock: WallClock
) -> None:
    first, second = servers
    due = next_night()
    wall_clock.show(due - timedelta(hours=2))
    first.start()
    pushed = first.push(forge, {".flowforge/ci.yml": CONFIG})
    assert first.over(pushed.run_id)["status"] == "success"
    assert first.log(pushed.run_id, "nightly") == b"false main push\n"
    wall_clock.show(due - timedelta(seconds=3))
    first.kill()
    # Both look when they start, and wait for the same instant then.
    first.start()
    second.start()
    until(lambda: by_the_clock(second), "a run by the clock")
    (run,) = by_the_clock(second)
    over = first.over(run["id"])
    assert (over["status"], over["branch"], over["commit"]) == ("success", "main", pushed.commit)
    assert b"true main schedule\n" in [server.log(run["id"], "nightly") for server in servers]
    first.kill()
    second.kill()
    assert datetime.fromisoformat(run["created_at"]) >= due

    # Nobody serves while the next two nights go by.
    wall_clock.show(due + timedelta(days=2, hours=1))
    second.start()
    until(lambda: len(by_the_clock(second)) == 2, "the run that was missed")
    made_up = second.over(by_the_clock(second)[0]["id"])
    assert made_up["status"] == "success"
    assert len(by_the_clock(second)) == 2


__all__ = ["postgres_cluster"]
