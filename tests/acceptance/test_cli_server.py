"""The commands that talk to a server, against the real one."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rig import FakeGitHub, RealServer
from tests.rig.server import SECRET

pytestmark = pytest.mark.needs("git")

PIPELINE = b"""
jobs:
  quick:
    steps:
      - run: {name: say, command: "echo one; echo two"}
  slow:
    steps:
      - run: {name: wait, command: "echo begun; sleep 300"}
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Person:
    """Somebody at the command line of the server's machine, in a folder of their own."""

    server: RealServer

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        home = self.server.folder / "home"
        return subprocess.Popen(
            [Path(sys.executable).with_name("flowforge"), *arguments, "--server-url", self.server.url],
            cwd=home, env={**os.environ, "HOME": str(home), "TERM": "dumb"}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def does(self, *arguments: str) -> Done:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return Done(process.returncode, out, err)


@pytest.fixture
def server(tmp_path: Path, forge: FakeGitHub) -> RealServer:
    tmp_path.chmod(0o711)
    return RealServer(tmp_path, {**forge.environment, "FLOWFORGE_EXECUTOR": "process"})


def test_a_runs_whole_life_from_the_command_line(forge: FakeGitHub, server: RealServer) -> None:
    with server:
        person = Person(server)
        assert person.does("list").err == "no runs yet\n"
        commit = forge.commit("acme/web", {".flowforge/ci.yml": PIPELINE})
        run = server.deliver(forge.push("acme/web", commit, SECRET))
        follower = person.start("logs", str(run), "quick", "--follow")
        assert follower.communicate(timeout=60) == ("one\ntwo\n", "")
        with person.start("logs", "-f", f"{server.url}/ui/pipelines/{run}", "slow") as watcher:
            assert watcher.stdout
            assert watcher.stdout.readline() == "begun\n"
            assert person.does("rerun", str(run)).code == 1
            assert person.does("cancel", str(run)).out == f"run {run} is stopping\n"
            assert watcher.stdout.read() == ""
        assert server.over(run)["status"] == "cancelled"
        _look_back(person, run)


def _look_back(person: Person, run: int) -> None:
    listed = person.does("list").out.split("\t")
    assert listed[:4] == [str(run), "⊘ cancelled", "acme/web", "#1"]
    assert [each["id"] for each in json.loads(person.does("list", "--json").out)["items"]] == [run]
    assert person.does("list", "--status", "success").out == ""
    shown = person.does("logs", str(run))
    assert shown.out in ("one\ntwo\nbegun\n", "begun\none\ntwo\n")
    assert "slow  ⊘ cancelled  cancelled by local command line\n" in shown.err
    again = json.loads(person.does("rerun", str(run), "--json").out)
    assert again["rerun_of"] == run
    assert person.does("cancel", str(again["id"])).code == 0
    missing = person.does("logs", "4711")
    assert (missing.code, missing.err) == (3, "flowforge: no run 4711\n")


def test_links_runners_and_wrong_tokens(server: RealServer) -> None:
    with server:
        person = Person(server)
        assert person.does("link").out.startswith(f"{server.url}/ui/link/")
        added = person.does("configure", "add-runner", "10.0.0.5", "--labels", "linux,big", "--json")
        assert json.loads(added.out)["labels"] == ["linux", "big"]
        assert "\t10.0.0.5\tregistered\tlinux,big" in person.does("configure", "list-runners").out.replace(
            ", ", ","
        )
        refused = person.does("list", "--token", "ffl_wrong")
        assert (refused.code, refused.out) == (4, "")
    gone = person.does("list")
    assert (gone.code, gone.err) == (
        1,
        f"flowforge: no FlowForge server answers at {server.url}: start one with flowforge up\n",
    )


def test_the_first_start_says_where_the_webhooks_secret_is(tmp_path: Path) -> None:
    place = tmp_path / "data" / "keys" / "webhook.secret"
    first = _first_lines(tmp_path)
    assert f"Webhook secret: {place}\n" in first
    assert len(place.read_text().strip()) >= 32
    assert "Webhook secret" not in _first_lines(tmp_path)


def test_a_secret_of_ones_own_is_not_announced(tmp_path: Path) -> None:
    assert "Webhook secret" not in _first_lines(tmp_path, WEBHOOK_SECRET="of my own, long enough")


def _first_lines(folder: Path, **settings: str) -> str:
    """What the server prints until it is ended in order."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("FLOWFORGE_")}
    command = [Path(sys.executable).with_name("flowforge"), "up"]
    with subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**known, "PORT": "0", "HOME": str(folder), "XDG_STATE_HOME": str(folder), **settings},
    ) as process:  # fmt: skip
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        return first + process.stdout.read()
