"""A runner on a machine of its own: `flowforge runner` as a process, killed and started again at will."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowforge.adapters.data.folder import DataFolder
from tests.rig import engine
from tests.rig.server import RealServer

NO_ENGINE = {"FLOWFORGE_EXECUTOR": "docker", "DOCKER_HOST": "unix:///nonexistent/engine.sock"}
"""A server told so carries out nothing by itself."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RealRunner:
    """Data and workspaces live below `folder`. `inside` is a command that starts others somewhere, such as a network
    namespace."""

    folder: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> DataFolder:
        return DataFolder(self.folder / "runner")

    def start(self, token: str = "") -> "RealRunner":
        self.folder.mkdir(exist_ok=True)
        # Run as root, a job's steps get a user of their own, who must pass to the workspaces.
        self.folder.chmod(0o711)
        environment = {
            "PATH": os.environ["PATH"],
            "FLOWFORGE_POOL": "off",
            "HOME": str(self.folder),
            "FLOWFORGE_RUNNER_DATA": str(self.data.path),
            "FLOWFORGE_RUNNER_TOKEN": token,
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE")},
            **self.environment,
        }
        command = [
            *self.inside,
            sys.executable,
            "-c",
            "from flowforge.cli.main import main; main()",
            "runner",
        ]
        with (self.folder / "runner.err").open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, "--server-url", self.url],
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert self.process.stdout
        first = self.process.stdout.readline().decode()
        assert " works for " in first, f"the runner did not start: {self.errors()}"
        return self

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def tell_to_stop(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        assert self.process
        code = self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()
        self.process = None
        return code

    def _end(self, number: int) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.ended()

    def errors(self) -> str:
        return (self.folder / "runner.err").read_text(errors="replace")

    def rooms(self) -> list[Path]:
        """The control folders of its jobs."""
        return [entry for entry in self.data.rooms().iterdir() if entry.is_dir()]

    def left_behind(self) -> list[str]:
        """What of its jobs is still there."""
        workspaces = self.folder / "runner-workspaces"
        folders = (self.data.rooms(), workspaces)
        found = [str(entry) for folder in folders if folder.exists() for entry in folder.iterdir()]
        found += [str(entry) for entry in self.data.spool.iterdir() if entry.suffix == ".json"]
        if self.environment.get("FLOWFORGE_EXECUTOR") == "docker":
            found += engine.labelled(f"flowforge.instance={self.data.instance()}")
        return found


def registration(server: RealServer, host: str, **terms: Any) -> str:
    """A one-time token."""
    answer = server.api("POST", "/runners", {"host": host, **terms})
    assert answer.status == 201, answer.body
    return str(answer.value["token"])


@contextmanager
def far_runner(
    folder: Path, server: RealServer, environment: dict[str, str], host: str = "10.0.0.5", **terms: Any
) -> Iterator[RealRunner]:
    """Registered and at work; what it still runs when the block is left is ended."""
    runner = RealRunner(folder, server.url, environment)
    runner.start(registration(server, host, **terms))
    try:
        yield runner
    finally:
        put_away(runner)


def put_away(runner: RealRunner) -> None:
    if runner.process:
        runner.kill()
    with suppress(OSError):
        runner.data.rooms().rmdir()
