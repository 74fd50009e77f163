"""`python -m flowforge.cli.demo`, as `make demo` calls it."""

import os
import pty
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.images import image

DEADLINE = 120
COMMAND = [sys.executable, "-m", "flowforge.cli.demo"]


def _environ(folder: Path, **more: str) -> dict[str, str]:
    # Steps of a process executor run by root are another user's.
    folder.chmod(0o711)
    return {**os.environ, "TMPDIR": str(folder), "TERM": "xterm", **more}


def _no_engine(folder: Path) -> dict[str, str]:
    return _environ(folder, DOCKER_HOST=f"unix://{folder}/no.sock")


@pytest.mark.needs("git")
def test_without_a_terminal_it_ends_with_the_runs_result(tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND, env=_no_engine(tmp_path), capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Jobs run as plain processes: ")
    assert "[build] Hello, FlowForge demo!" in lines
    assert "[unit]   greets by name              ok" in lines
    assert re.search(r"\[package\] ✓ Pack  [0-9.]+s", done.stdout)
    assert re.search(r"✓ success in [0-9.]+s: 4 succeeded", done.stdout)
    assert re.fullmatch(
        r"The run's page, signed in \(works once\): http://127\.0\.0\.1:[0-9]+/ui/link/\S+", lines[-1]
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("git", "docker", "busybox")
def test_it_takes_containers_where_the_image_is(tmp_path: Path) -> None:
    environ = _environ(tmp_path, FLOWFORGE_DEMO_IMAGE=image("busybox"))
    done = subprocess.run(COMMAND, env=environ, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Jobs run in containers of flowforge-test/busybox: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("git")
def test_on_a_terminal_it_serves_the_page_until_ctrl_c(tmp_path: Path) -> None:
    screen, side = pty.openpty()
    process = subprocess.Popen(
        COMMAND, env=_no_engine(tmp_path), stdin=side, stdout=side, stderr=side, start_new_session=True
    )
    os.close(side)
    shown = b""
    while b"Serving until Ctrl-C" not in shown:
        shown += os.read(screen, 65536)
    found = re.search(r"http://127\.0\.0\.1:[0-9]+/ui/link/[A-Za-z0-9_-]+", shown.decode())
    assert found
    with urllib.request.urlopen(found[0], timeout=30) as page:
        assert page.status == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 0
    os.close(screen)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs("git")
def test_told_to_end_in_the_middle_it_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(COMMAND, env=_no_engine(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if "building body" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(DEADLINE) == 2
    assert list(tmp_path.iterdir()) == []
