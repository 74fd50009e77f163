"""A network that drops everything between a runner and its server, and says nothing about it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rig import FakeGitHub, RealServer
from tests.rig.machine import until
from tests.rig.network import Cable, cable, passage
from tests.rig.runner import NO_ENGINE, RealRunner, free_port, put_away, registration
from tests.rig.stage import come_to_rest_far, wait_for_delivery

LEASE, LEASE_LONG = 8.0, 60.0
UNSEEN, UNSEEN_LONG = 0.25, 0.5
"""The part of a lease for which an outage may last unseen; a machine that does much else at once gets less."""

pytestmark = pytest.mark.needs("root", "ip", "iptables", "busybox", "git")


@dataclass
class Divided:
    """A server here, a runner at the far end of a cable, and a job that writes down when it lives."""

    server: RealServer
    runner: RealRunner
    cable: Cable
    forge: FakeGitHub
    folder: Path

    def push(self) -> int:
        """A job that leaves a sign of life ten times a second until it is told to go."""
        script = (
            f"name={self.folder}/beats.$$; while [ ! -e {self.folder}/go ]; do busybox date +%s >>$name; "
            f"busybox cut -d' ' -f1 /proc/uptime >>$name.up; sleep 0.1; done; echo done"
        )
        text = f"jobs:\n  build:\n    steps:\n      - run: {script!r}\n"
        files = {".flowforge/ci.yml": text.encode()}
        return self.server.push(self.forge, dict(files)).run_id

    def lives(self) -> list[tuple[float, float]]:
        """First and last sign of each attempt, by the machine's uptime."""
        found = []
        for path in self.folder.glob("beats.*.up"):
            beats = [float(line) for line in path.read_text().split()]
            if beats:
                found.append((beats[0], beats[-1]))
        return sorted(found)

    def let_go(self) -> None:
        (self.folder / "go").touch()


@pytest.fixture
def lease(long_form: bool) -> float:
    return LEASE_LONG if long_form else LEASE


@pytest.fixture
def divided(tmp_path: Path, forge: FakeGitHub, lease: float) -> Iterator[Divided]:
    folder = tmp_path / "signs"
    folder.mkdir()
    folder.chmod(0o777)
    settings = {**NO_ENGINE, "PORT": str(free_port()), "FLOWFORGE_LEASE_SECONDS": str(lease)}
    with (
        cable() as between,
        RealServer(tmp_path, forge.environment | settings) as server,
        passage(between.here, int(settings["PORT"])) as url,
    ):
        environment = {"FLOWFORGE_EXECUTOR": "process", "FLOWFORGE_RUNNER_PLAIN_HTTP": "1"}
        runner = RealRunner(tmp_path / "far", url, environment, between.inside)
        runner.start(registration(server, "far"))
        try:
            yield Divided(server, runner, between, forge, folder)
        finally:
            put_away(runner)


def outage(divided: Divided, over: Callable[[], bool], seconds: float) -> None:
    """The cable is cut until `over`, for `seconds` at least."""
    divided.cable.cut()
    began = time.monotonic()
    try:
        until(lambda: time.monotonic() - began >= seconds and over(), "the end of the outage", seconds + 150)
    finally:
        divided.cable.mend()


def test_a_short_outage_is_not_seen(divided: Divided, lease: float, long_form: bool) -> None:
    run_id = divided.push()
    until(lambda: len(divided.lives()) == 1, "a sign of life")
    outage(divided, lambda: True, lease * (UNSEEN_LONG if long_form else UNSEEN))
    divided.let_go()
    run = divided.server.over(run_id)
    assert run["status"] == "success", run
    assert [job["attempt"] for job in run["jobs"]] == [1]
    assert divided.server.log(run_id, "build") == b"done\n"
    at_rest(divided, run_id)


def test_a_long_outage_ends_the_attempt_at_both_ends_and_never_two_live(
    divided: Divided, tmp_path: Path
) -> None:
    run_id = divided.push()
    until(lambda: len(divided.lives()) == 1, "a sign of life")
    near = RealRunner(tmp_path / "near", divided.server.url, {"FLOWFORGE_EXECUTOR": "process"})
    try:
        near.start(registration(divided.server, "near"))
        outage(divided, lambda: len(divided.lives()) == 2, 0)
        (_, ended), (began, _) = divided.lives()
        assert ended < began, "the attempt that was given up was still alive when the next one began"
        divided.let_go()
        run = divided.server.over(run_id)
        assert run["status"] == "success", run
        assert [(job["attempt"], job["runner"]) for job in run["jobs"]] == [(2, "near")]
        at_rest(divided, run_id)
    finally:
        put_away(near)


def at_rest(divided: Divided, run_id: int) -> None:
    wait_for_delivery(divided.server, run_id)
    until(lambda: not divided.runner.left_behind(), "nothing left behind at the runner", 40)
    come_to_rest_far(divided.server)
