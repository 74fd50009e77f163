"""The wall clock jumps by an hour, forward and back, while a job runs: nobody's time is up for it."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.rig import FakeGitHub
from tests.rig.clock import WallClock
from tests.rig.counted import CountedJob
from tests.rig.counter import counting
from tests.rig.machine import process, until
from tests.rig.server import RealServer
from tests.rig.stage import Stage, wait_for_delivery

pytestmark = pytest.mark.needs("cc", "git", "busybox")

LEASE = 2
BUILD = CountedJob("build", steps=2)


@pytest.fixture
def stage(tmp_path: Path, forge: FakeGitHub, wall_clock: WallClock) -> Iterator[Stage]:
    machine = process()
    settings = {"FLOWFORGE_LEASE_SECONDS": str(LEASE), **wall_clock.environment}
    with (
        counting(machine.reach) as counter,
        RealServer(tmp_path, forge.environment | machine.environment | settings) as server,
    ):
        yield Stage(machine, forge, counter, server)


def hours_off(stage: Stage) -> int:
    """By which the server's clock differs, as its own answers say."""
    shown = parsedate_to_datetime(stage.server.ask("GET", "/health").headers["date"])
    return round((shown.timestamp() - time.time()) / 3600)


def outlive_a_lease(stage: Stage, wall_clock: WallClock, hours: int) -> None:
    """Longer than a lease, by a clock that nobody moved: all that could be taken away would be by now."""
    wall_clock.move(hours)
    until(lambda: hours_off(stage) == hours, "a server whose clock was moved")
    until_then = time.monotonic() + LEASE * 1.5
    until(lambda: time.monotonic() > until_then, "a lease time")


def test_a_clock_that_jumps_takes_no_job_and_keeps_no_status(stage: Stage, wall_clock: WallClock) -> None:
    for step in range(2):
        stage.counter.hold(BUILD.word("middle", step))
    run_id = stage.push(BUILD)
    stage.counter.wait_for(BUILD.word("middle", 0))
    outlive_a_lease(stage, wall_clock, 1)
    stage.counter.release(BUILD.word("middle", 0))
    stage.counter.wait_for(BUILD.word("middle", 1))
    outlive_a_lease(stage, wall_clock, -1)
    stage.counter.release(BUILD.word("middle", 1))
    assert [job["attempt"] for job in stage.server.over(run_id)["jobs"]] == [1]
    stage.account_for_all()


def test_a_status_that_is_to_be_tried_again_waits_for_no_hour_that_passed_already(
    stage: Stage, wall_clock: WallClock
) -> None:
    wall_clock.move(1)
    until(lambda: hours_off(stage) == 1, "a server whose clock was moved")
    stage.forge.refuse += [503] * 2
    run_id = stage.push(BUILD)
    stage.server.over(run_id)
    until(lambda: len(stage.forge.refuse) < 2, "a refusal of the forge")
    wall_clock.move(-1)
    wait_for_delivery(stage.server, run_id)
    stage.account_for_all()
