"""kill -9 in the midst of a flood of webhooks: what was answered 200 is there afterwards, once."""

import contextlib
import http.client
import random
import threading
from dataclasses import dataclass, field

import pytest

from tests.rig.fixtures import PROCESS
from tests.rig.forge import Push
from tests.rig.machine import until
from tests.rig.server import SECRET
from tests.rig.stage import Stage, broken_promises

pytestmark = pytest.mark.parametrize("machine", [PROCESS], indirect=True)

KILLS, KILLS_LONG = 3, 50
CLIENTS = 4
REPOSITORY = "acme/flood"
STATUSES = "commits_show_how_their_runs_ended"
"""Not waited for: one that a killed server was sending is sent again after a minute (tests/soak/test_random_kills.py waits)."""


@dataclass
class Flood:
    """Some clients; each sends one push after the other, and sends it again where it heard nothing, as forges do."""

    stage: Stage
    commits: list[str]
    acknowledged: dict[str, int] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _sent: int = 0

    def send(self) -> None:
        while not self.over.is_set():
            with self._turn:
                number = self._sent
                self._sent += 1
            push = self.push(number)
            while not self.over.is_set() and not self._taken(f"b{number}", push):
                self.over.wait(0.02)

    def push(self, number: int) -> Push:
        """All of one commit, each of a branch of its own."""
        return self.stage.forge.push(REPOSITORY, self.commits[0], SECRET, branch=f"b{number}")

    def _taken(self, branch: str, push: Push) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = self.stage.server.ask("POST", "/webhook", push.body, push.headers)
            if answer.status == 200:
                self.acknowledged[branch] = int(answer.value["pipeline_id"])
                return True
        return False


def test_no_acknowledged_webhook_is_lost_by_a_kill(
    stage: Stage, chance: random.Random, long_form: bool
) -> None:
    commit = stage.forge.commit(REPOSITORY, {"README": b"nothing to run\n"})
    flood = Flood(stage, [commit])
    clients = [threading.Thread(target=flood.send) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for _ in range(KILLS_LONG if long_form else KILLS):
        known = len(flood.acknowledged)
        wanted = known + chance.randint(1, 30)
        until(lambda wanted=wanted: len(flood.acknowledged) >= wanted, "webhooks that are taken", seconds=60)  # type: ignore[misc]
        stage.restart()
    flood.over.set()
    for client in clients:
        client.join(60)
    for branch, run_id in flood.acknowledged.items():
        assert stage.server.over(run_id)["branch"] == branch
    assert len(set(flood.acknowledged.values())) == len(flood.acknowledged)
    until(lambda: not stage.machine.left_behind(stage.server), "nothing left behind")
    assert stage.server.stop() == 0
    assert [each for each in broken_promises(stage.server) if not each.startswith(STATUSES)] == []
