"""Somebody else holds SQLite's write lock: webhooks wait or are refused, none that was taken is lost, work goes on after."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.rig.counted import CountedJob
from tests.rig.fixtures import PROCESS
from tests.rig.machine import until
from tests.rig.server import SECRET
from tests.rig.stage import Stage

pytestmark = pytest.mark.parametrize("machine", [PROCESS], indirect=True)

BUILD = CountedJob("build", steps=1)
HELD, HELD_LONG = 3.0, 60.0
HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def settings() -> dict[str, str]:
    return {"FLOWFORGE_LEASE_SECONDS": "2"}


@contextlib.contextmanager
def locked(stage: Stage) -> Iterator[None]:
    """By another process, as a person's tool would."""
    command = [sys.executable, "-c", HOLD, str(stage.server.data / "flowforge.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdin
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.stdin.close()
            holder.wait(30)


@dataclass
class Forge:
    """Sends one delivery after the other, each until it is taken."""

    stage: Stage
    taken: list[int] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def send(self) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            commit = self.stage.forge.commit("acme/web", {"n": b"%d" % number}, branch=f"b{number}")
            push = self.stage.forge.push("acme/web", commit, SECRET, branch=f"b{number}")
            while True:
                answer = self.stage.server.ask("POST", "/webhook", push.body, push.headers)
                if answer.status == 200:
                    break
                assert answer.status == 503, answer.body
                self.refusals.append(answer.headers["retry-after"])
                time.sleep(0.2)
            self.taken.append(int(answer.value["pipeline_id"]))


def test_a_lock_held_by_somebody_else_costs_time_and_nothing_more(stage: Stage, long_form: bool) -> None:
    held = HELD_LONG if long_form else HELD
    stage.counter.hold(BUILD.word("middle"))
    stage.push(BUILD)
    stage.counter.wait_for(BUILD.word("middle"))
    forge = Forge(stage)
    sending = threading.Thread(target=forge.send)
    sending.start()
    until(lambda: forge.taken, "a first webhook")
    with locked(stage):
        taken, since = len(forge.taken), time.monotonic()
        assert stage.server.ask("GET", "/health").status == 503
        assert stage.server.api("GET", "/runs").status == 200, "what only reads goes on"
        until(lambda: time.monotonic() - since > held, "the time the lock is held", seconds=held + 10)
        assert len(forge.taken) <= taken + 1
    until(lambda: len(forge.taken) > taken + 3, "webhooks that are taken again", seconds=30)
    forge.over.set()
    sending.join(30)
    stage.counter.release(BUILD.word("middle"))
    assert forge.taken == sorted(set(forge.taken)), "each once, in the order they were sent"
    assert all(int(seconds) >= 1 for seconds in forge.refusals)
    for run_id in forge.taken:
        stage.server.over(run_id)
    assert [job["attempt"] for run in stage.pushed for job in stage.server.over(run)["jobs"]] == [1]
    stage.account_for_all()


def test_a_start_waits_for_a_lock_that_is_let_go_soon(stage: Stage) -> None:
    stage.push(BUILD)
    stage.server.kill()
    with locked(stage):
        starting = threading.Thread(target=stage.server.start)
        starting.start()
        until(lambda: not_served(stage), "a server that waits")
    starting.join(30)
    stage.account_for_all()


def not_served(stage: Stage) -> bool:
    """There is a process, and it has not said where it listens."""
    with contextlib.closing(sqlite3.connect(stage.server.data / "flowforge.db")) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone()
    return stage.server.process is not None


__all__ = ["settings"]
