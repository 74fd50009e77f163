"""The script that brings a Debian machine what the tests want to meet, tried with commands of our own on its PATH."""

import subprocess
from pathlib import Path

import pytest

from tests.house.source import ROOT

REAL = (
    "cat",
    "dirname",
    "grep",
    "ls",
    "mktemp",
    "nohup",
    "python3",
    "setsid",
    "sh",
    "sleep",
    "sort",
    "tail",
    "timeout",
    "tr",
)
pytestmark = pytest.mark.needs("debian")
PARTS = ("busybox", "bash", "dash", "docker", "dockerd", "git", "iptables", "ps", "wrk")


class Machine:
    """A PATH of our own: fakes that note each call in `calls`, and the few real commands a script needs."""

    def __init__(self, folder: Path) -> None:
        self.calls = folder / "calls"
        self.calls.touch()
        self.engine = folder / "engine-is-up"
        self._bin = folder / "bin"
        self._bin.mkdir()
        for name in REAL:
            real = subprocess.run(["which", name], capture_output=True, text=True, check=True, timeout=10)
            (self._bin / name).symlink_to(real.stdout.strip())
        for name in PARTS:
            self.add(name, "exit 0")
        self.add("docker", f"test -e {self.engine}")
        self.add("ldd", "exit 1")
        self.add("id", "echo 0")
        self.add("apt-get", "exit 0")
        self.engine.touch()

    def add(self, name: str, script: str) -> None:
        path = self._bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.calls}\n{script}\n')
        path.chmod(0o755)

    def remove(self, name: str) -> None:
        (self._bin / name).unlink()

    def run(self) -> str:
        done = subprocess.run(
            [str(ROOT / "scripts" / "install-test-needs")],
            env={"PATH": str(self._bin), "TMPDIR": str(self._bin.parent)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    def called(self, name: str) -> list[str]:
        return [line for line in self.calls.read_text().splitlines() if line.startswith(f"{name} ")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_missing_parts_are_installed_as_root(machine: Machine) -> None:
    machine.remove("wrk")
    machine.remove("busybox")
    assert "installing" in machine.run()
    update, install = machine.called("apt-get")
    assert update.endswith(" update")
    assert {"wrk", "busybox-static"} <= set(install.partition("--no-install-recommends")[2].split())


def test_a_busybox_that_is_not_static_is_replaced(machine: Machine) -> None:
    machine.add("ldd", "exit 0")
    machine.run()
    assert "busybox-static" in machine.called("apt-get")[-1]


def test_packages_that_cannot_be_had_do_not_end_the_tests(machine: Machine) -> None:
    machine.remove("wrk")
    machine.add("apt-get", "echo no network; exit 100")
    output = machine.run()
    assert "could not install them all" in output
    assert "no network" in output


def test_without_root_it_only_says_what_is_missing(machine: Machine) -> None:
    machine.add("id", "echo 1000")
    machine.remove("wrk")
    machine.engine.unlink()
    output = machine.run()
    assert "missing here" in output
    assert "wrk" in output
    assert "no container engine answers" in output
    assert machine.called("apt-get") + machine.called("dockerd") == []


def test_an_engine_that_answers_is_left_alone(machine: Machine) -> None:
    machine.run()
    assert machine.called("dockerd") == []


def test_an_engine_that_does_not_answer_is_started_and_waited_for(machine: Machine) -> None:
    machine.engine.unlink()
    machine.add("dockerd", f": > {machine.engine}; exec sleep 3")
    assert "dockerd answers after" in machine.run()
    assert machine.called("dockerd") == ["dockerd "]


def test_an_engine_that_ends_at_once_is_tried_with_less_and_then_given_up(machine: Machine) -> None:
    machine.engine.unlink()
    machine.add("dockerd", "echo no overlay here >&2; exit 1")
    output = machine.run()
    assert "no overlay here" in output
    assert "no container engine: tests that need one are left out" in output
    assert len(machine.called("dockerd")) == 3
