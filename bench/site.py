"""A forge and a real server in a temporary folder, for as long as a figure is measured."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.rig.forge import FakeGitHub, fake_github
from tests.rig.server import SECRET, RealServer

CONFIG = ".flowforge/ci.yml"


@dataclass(frozen=True, slots=True)
class Site:
    forge: FakeGitHub
    server: RealServer

    def begin(self, repository: str, pipeline: str) -> int:
        """Push a pipeline; the run's id once the webhook is accepted."""
        return self.server.deliver(self._push(repository, pipeline))

    def carry_out(self, repository: str, pipeline: str, seconds: float = 120) -> Any:
        """The run, over and successful."""
        run = self.server.over(self.begin(repository, pipeline), seconds)
        if run["status"] != "success":
            raise RuntimeError(f"a benchmark's run ended as {run['status']}: {run['reason']}")
        return run

    def _push(self, repository: str, pipeline: str) -> Any:
        commit = self.forge.commit(repository, {CONFIG: pipeline.encode()})
        return self.forge.push(repository, commit, SECRET, before="0" * 40)

    @property
    def process(self) -> int:
        if self.server.process is None:
            raise RuntimeError("the server is not running")
        return self.server.process.pid

    @property
    def token(self) -> str:
        return (self.server.data / "local.token").read_text().strip()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Others may pass it: with root's server, steps of the process executor run as nobody."""
    with tempfile.TemporaryDirectory(prefix="flowforge-bench-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@contextmanager
def site(environment: Mapping[str, str] | None = None) -> Iterator[Site]:
    with temporary_folder() as folder:
        repositories = folder / "forge"
        repositories.mkdir()
        with fake_github(repositories) as forge:
            settings = {**forge.environment, "FLOWFORGE_LOG_LEVEL": "warning", **(environment or {})}
            with RealServer(folder, settings) as server:
                yield Site(forge, server)


def seconds_between(earlier: str, later: str) -> float:
    """Of two instants as the API writes them."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
