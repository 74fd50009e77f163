"""Jobs that will not end, and ends that meet a cancel."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.counted import CountedJob
from tests.rig.fixtures import PROCESS
from tests.rig.machine import has_ended, rooms, until
from tests.rig.server import Answer
from tests.rig.stage import Stage, come_to_rest, wait_for_delivery

BUILD = CountedJob("build", steps=1)
FORKS = "while :; do (busybox setsid busybox sleep 4711.%d & ) ; busybox usleep 20000; done"


ONLY_PROCESSES = pytest.mark.parametrize("machine", [PROCESS], indirect=True)


@pytest.fixture
def stage(stage: Stage) -> Iterator[Stage]:
    yield stage
    come_to_rest(stage.server, stage.machine)


def pushed(stage: Stage, script: str) -> int:
    """A run of one job with one step."""
    job = {"docker": [{"image": stage.machine.image}], "steps": [{"run": script}]}
    config = json.dumps({"jobs": {"build": job}}).encode()
    return stage.server.push(stage.forge, {".flowforge/ci.yml": config}).run_id


def ended(stage: Stage, run_id: int) -> Any:
    run = stage.server.over(run_id)
    wait_for_delivery(stage.server, run_id)
    return run


def cancelled(stage: Stage, run_id: int) -> Answer:
    return stage.server.api("POST", f"/runs/{run_id}/cancel")


def test_a_step_that_forks_without_end_is_cancelled_and_leaves_no_process(
    stage: Stage, request: pytest.FixtureRequest
) -> None:
    number = sum(request.node.nodeid.encode()) * 1_000_003 % 1_000_000
    run_id = pushed(stage, FORKS % number)
    mark = b"sleep\x004711.%d" % number
    until(lambda: len(alive(mark)) > 20, "a crowd of its children")
    assert cancelled(stage, run_id).status == 200
    assert ended(stage, run_id)["status"] == "cancelled"
    assert stage.server.run(run_id)["jobs"][0]["steps"][0]["status"] == "cancelled"
    until(lambda: not alive(mark), "the end of its children")


def alive(mark: bytes) -> list[str]:
    """Processes whose command line has it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


@ONLY_PROCESSES
def test_a_cancel_that_comes_after_the_end_and_before_anybody_looked_has_one_winner(stage: Stage) -> None:
    """The server stands still while the job ends and while it is asked to cancel: whatever it sees first is the truth."""
    stage.counter.hold(BUILD.word("middle"))
    run_id = stage.push(BUILD)
    stage.counter.wait_for(BUILD.word("middle"))
    (room,) = rooms(stage.server)
    stage.server.pause()
    stage.counter.release(BUILD.word("middle"))
    until(lambda: has_ended(room), "the end of the job")
    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(cancelled(stage, run_id)))
    asking.start()
    time.sleep(0.05)
    stage.server.go_on()
    asking.join(30)
    run = ended(stage, run_id)
    assert (answers[0].status, run["status"]) in ((200, "success"), (200, "cancelled"), (409, "success"))
    assert stage.server.log(run_id, "build") == BUILD.log
    assert cancelled(stage, run_id).status == 409
    assert stage.server.run(run_id) == run


@ONLY_PROCESSES
def test_an_end_that_comes_after_the_cancel_is_a_cancel(stage: Stage) -> None:
    """The step ends well in the time it is given to clean up."""
    script = "trap 'echo cleaned; exit 0' TERM; echo begun; while :; do busybox sleep 0.1; done"
    run_id = pushed(stage, script)
    until(lambda: b"begun" in stage.server.log(run_id, "build"), "the job's first line")
    assert cancelled(stage, run_id).status == 200
    run = ended(stage, run_id)
    assert (run["status"], run["jobs"][0]["status"]) == ("cancelled", "cancelled")
    assert stage.server.log(run_id, "build").endswith(b"cleaned\n")
