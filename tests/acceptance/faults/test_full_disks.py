"""The server's disk fills up while it works, and has room again: nothing is lost, nobody is told of what is not kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import FakeGitHub
from tests.rig.counted import CountedJob
from tests.rig.counter import counting
from tests.rig.disk import MEBIBYTE, SmallDisk, small_disk
from tests.rig.machine import process, until
from tests.rig.server import SECRET, Answer, RealServer
from tests.rig.stage import Stage

pytestmark = pytest.mark.needs("root", "git", "busybox")

CHATTY = CountedJob("chatty", steps=1, lines=30_000)
BUILD = CountedJob("build", steps=1)
FLOOR = 4 * MEBIBYTE


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "data", 64 * MEBIBYTE) as mounted:
        yield mounted


@pytest.fixture
def settings() -> dict[str, str]:
    return {"FLOWFORGE_DISK_FLOOR": str(FLOOR), "FLOWFORGE_LEASE_SECONDS": "2"}


@pytest.fixture
def stage(tmp_path: Path, forge: FakeGitHub, disk: SmallDisk, settings: dict[str, str]) -> Iterator[Stage]:
    machine = process()
    environment = forge.environment | machine.environment | settings
    with counting(machine.reach) as counter, RealServer(tmp_path, environment) as server:
        yield Stage(machine, forge, counter, server)


def health(stage: Stage, check: str) -> str:
    return str(stage.server.ask("GET", "/health").value["checks"][check]["status"])


def deliver(stage: Stage, number: int) -> tuple[str, Answer]:
    commit = stage.forge.commit("acme/web", {"file": b"%d" % number}, branch=f"b{number}")
    push = stage.forge.push("acme/web", commit, SECRET, branch=f"b{number}")
    return commit, stage.server.ask("POST", "/webhook", push.body, push.headers)


def test_a_log_waits_for_room_and_is_whole(stage: Stage, disk: SmallDisk) -> None:
    stage.counter.hold(CHATTY.word("middle"))
    run_id = stage.push(CHATTY)
    stage.counter.wait_for(CHATTY.word("middle"))
    disk.fill(FLOOR // 2)
    stage.counter.release(CHATTY.word("middle"))
    stage.counter.wait_for(CHATTY.word("end"))
    until(lambda: health(stage, "disk") == "degraded", "a health that names the disk")
    _, answer = deliver(stage, 1)
    assert answer.status == 200, "below the floor the database still has room: a webhook is taken"
    run = stage.server.run(run_id)
    assert (run["status"], len(stage.server.log(run_id, "chatty")) < len(CHATTY.log)) == ("running", True)
    disk.empty()
    stage.server.over(int(answer.value["pipeline_id"]))
    stage.account_for_all()


def test_below_the_floor_no_job_is_taken_and_the_job_says_why(stage: Stage, disk: SmallDisk) -> None:
    disk.fill(FLOOR // 2)
    # Who asked for a job while there was room may still be given one.
    until(lambda: runner_note(stage).startswith("the disk is almost full"), "a runner that takes no more")
    run_id = stage.push(BUILD)
    until(lambda: says_why(stage, run_id), "a waiting job that names the disk")
    assert not stage.counter.told
    disk.empty()
    stage.account_for_all()


def runner_note(stage: Stage) -> str:
    (runner,) = stage.server.api("GET", "/runners").value["items"]
    return runner["note"] or ""


def says_why(stage: Stage, run_id: int) -> bool:
    jobs = stage.server.run(run_id)["jobs"]
    return bool(jobs) and str(jobs[0]["reason"]).startswith("local: the disk is almost full")


def test_with_no_byte_left_webhooks_are_refused_and_none_that_was_taken_is_lost(
    stage: Stage, disk: SmallDisk
) -> None:
    stage.counter.hold(BUILD.word("middle"))
    stage.push(BUILD)
    stage.counter.wait_for(BUILD.word("middle"))
    disk.fill()
    answers = [deliver(stage, number) for number in range(1, 40)]
    taken = {commit: answer.value["pipeline_id"] for commit, answer in answers if answer.status == 200}
    refused = [answer for _, answer in answers if answer.status != 200]
    assert refused
    assert {answer.status for answer in refused} <= {503, 507}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    stage.counter.release(BUILD.word("middle"))
    stage.counter.wait_for(BUILD.word("end"))
    disk.empty()
    for commit, run_id in taken.items():
        assert stage.server.over(run_id)["commit"] == commit
    again = [deliver(stage, number) for number in range(100, 103)]
    assert [answer.status for _, answer in again] == [200] * 3
    for _, answer in again:
        stage.server.over(int(answer.value["pipeline_id"]))
    stage.account_for_all()
