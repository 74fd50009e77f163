"""A server of the demo's own: `flowforge up` as a process, with its data in a folder that goes with it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flowforge.cli.exit_codes import CommandFailed

START_SECONDS = 30.0
STOP_SECONDS = 30.0

_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ", "DOCKER_HOST", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoServer:
    url: str
    data: Path
    token: str


@contextmanager
def demo_server(folder: Path, settings: Mapping[str, str]) -> Iterator[DemoServer]:
    """Raises CommandFailed with the server's last words where it does not start."""
    data, log = folder / "data", folder / "server.log"
    environ = {
        **{name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("COVERAGE")},
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "FLOWFORGE_DATA": str(data),
        "FLOWFORGE_WORKSPACE_ROOT": str(folder / "workspaces"),
        "PORT": "0",
        **settings,
    }
    command = [sys.executable, "-c", "from flowforge.cli.main import main; main()", "up"]
    with log.open("wb") as errors:
        # In a session of its own: Ctrl-C is for the demo, which then tells the server to end in order.
        process = subprocess.Popen(
            command, cwd=folder, env=environ, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
    try:
        url = _address(process)
        if not url:
            raise CommandFailed(f"the server did not start: {_last_words(log)}")
        yield DemoServer(url=url, data=data, token=(data / "local.token").read_text().strip())
    finally:
        _stop(process)
        _remove_rooms(data)


def _address(process: "subprocess.Popen[bytes]") -> str:
    """From the first line; empty where the server ended, or did not say it in time. Later lines are read and dropped."""
    assert process.stdout  # noqa: S101
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.start()
    try:
        line = process.stdout.readline().decode(errors="replace")
    finally:
        timer.cancel()
    threading.Thread(target=process.stdout.read, daemon=True).start()
    return next((word for word in line.split() if word.startswith("http")), "")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _remove_rooms(data: Path) -> None:
    """Where the server kept unmasked output in memory."""
    try:
        instance = (data / "instance").read_text().strip()
    except OSError:
        return
    if instance.isalnum():
        shutil.rmtree(Path("/dev/shm") / f"flowforge-{instance}", ignore_errors=True)  # noqa: S108


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
