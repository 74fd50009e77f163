"""Buildbot from its package, as a peer: master, one local worker, SQLite and the GitHub hook, each a process of its own."""

import contextlib
import hashlib
import hmac
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.deliveries import Deliveries, headers_of
from bench.machine import own_cpu_seconds
from bench.site import temporary_folder
from bench.wire import request

PACKAGES = ("buildbot>=4.3,<5", "buildbot-worker>=4.3,<5", "buildbot-www>=4.3,<5")
SECRET = "the-peers-secret"
BUILT, IGNORED = "built", "ignored"
"""Branches: one whose pushes are built, one whose pushes are only recorded."""
PATIENCE = 300.0
HOOK = "/change_hook/github"

_CONFIG = """
from buildbot.plugins import schedulers, steps, util, worker

factory = util.BuildFactory([steps.ShellCommand(command=["true"])])
BuildmasterConfig = {{
    "buildbotNetUsageData": None,
    "buildbotURL": "http://127.0.0.1:{www}/",
    "builders": [util.BuilderConfig("trivial", workernames=["local"], factory=factory)],
    "collapseRequests": False,
    "db": {{"db_url": "sqlite:///state.sqlite"}},
    "protocols": {{"pb": {{"port": "tcp:{link}:interface=127.0.0.1"}}}},
    "schedulers": [
        schedulers.SingleBranchScheduler(
            "pushed",
            change_filter=util.ChangeFilter(branch="{built}"),
            treeStableTimer=None,
            builderNames=["trivial"],
        )
    ],
    "workers": [worker.Worker("local", "password", max_builds={slots})],
    "www": {{
        "port": "tcp:{www}:interface=127.0.0.1",
        "plugins": {{}},
        "change_hook_dialects": {{"github": {{"secret": "{secret}", "strict": True}}}},
    }},
}}
"""


@dataclass(frozen=True, slots=True)
class Buildbot:
    folder: Path
    port: int
    master: int
    worker: int

    def cpu(self) -> float:
        """Seconds of both processes, as our own server is runner too."""
        return own_cpu_seconds(self.master) + own_cpu_seconds(self.worker)

    def requests(self, deliveries: Deliveries, count: int, branch: str) -> list[bytes]:
        """Signed pushes, much the same that our own server gets but for what each of the two wants to see."""
        return [_signed(delivery, body, branch) for delivery, body in deliveries.bodies(count)]

    def ended(self) -> int:
        """Asked of the database, so that asking costs the master nothing."""
        with contextlib.closing(
            sqlite3.connect(self.folder / "master" / "state.sqlite", timeout=30)
        ) as database:
            (count,) = database.execute(
                "SELECT count(*) FROM builds WHERE complete_at IS NOT NULL"
            ).fetchone()
        return int(count)

    def wait_for(self, builds: int) -> None:
        _until(lambda: self.ended() >= builds, f"{builds} builds", pause=0.1)

    def attached(self) -> bool:
        with contextlib.suppress(OSError):
            address = f"http://127.0.0.1:{self.port}/api/v2/workers?name=local"
            with urllib.request.urlopen(address, timeout=10) as answer:
                workers = json.load(answer)["workers"]
            return bool(workers and workers[0]["connected_to"])
        return False


@contextlib.contextmanager
def buildbot(slots: int) -> Iterator[Buildbot]:
    programs = _installed()
    with temporary_folder() as folder, contextlib.ExitStack() as running:
        www, link = _free_port(), _free_port()
        _run(programs / "buildbot", "create-master", "-r", folder / "master")
        config = _CONFIG.format(www=www, link=link, slots=slots, built=BUILT, secret=SECRET)
        (folder / "master" / "master.cfg").write_text(config)
        _run(
            programs / "buildbot-worker", "create-worker", folder / "worker",
            f"127.0.0.1:{link}", "local", "password",
        )  # fmt: skip
        master = running.enter_context(_process(programs / "buildbot", folder, "master"))
        worker = running.enter_context(_process(programs / "buildbot-worker", folder, "worker"))
        peer = Buildbot(folder=folder, port=www, master=master, worker=worker)
        _until(peer.attached, "an attached worker")
        yield peer


def _installed() -> Path:
    """The folder of its commands, in an environment of its own within ours: both leave together."""
    home = Path(sys.prefix) / "bench-buildbot"
    if not (home / "bin" / "buildbot").exists():
        print("  installing Buildbot …", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        _run(home / "bin" / "python", "-m", "pip", "install", "--quiet", *PACKAGES)
    return home / "bin"


@contextlib.contextmanager
def _process(program: Path, folder: Path, name: str) -> Iterator[int]:
    with (folder / f"{name}.out").open("ab") as output:
        process = subprocess.Popen(
            [program, "start", "--nodaemon", folder / name], cwd=folder, stdout=output, stderr=output
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _signed(delivery: str, body: bytes, branch: str) -> bytes:
    """With one commit, of which Buildbot makes one change: six would be six builds."""
    push = json.loads(body)
    commit = {**push["head_commit"], "url": f"{push['repository']['html_url']}/commit/{push['after']}"}
    repository = {**push["repository"], "name": "flood"}
    changed = {
        "ref": f"refs/heads/{branch}",
        "commits": [commit],
        "head_commit": commit,
        "repository": repository,
    }
    sent = json.dumps(push | changed).encode()
    signature = hmac.new(SECRET.encode(), sent, hashlib.sha1).hexdigest()
    return request("POST", HOOK, headers_of(delivery) | {"X-Hub-Signature": f"sha1={signature}"}, sent)


def _run(*command: str | Path) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if ran.returncode:
        raise RuntimeError(f"{command[0]} failed: {ran.stderr[-2000:]}")


def _until(seen: Callable[[], bool], what: str, pause: float = 0.2) -> None:
    deadline = time.monotonic() + PATIENCE
    while not seen():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Buildbot: {what} did not come")
        time.sleep(pause)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def available() -> bool:
    """Whether it can be had here; without a package index the rows beside it are left out, and a note says so."""
    try:
        _installed()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"  no Buildbot: {error}", file=sys.stderr, flush=True)
        return False
    return os.access(_installed() / "buildbot", os.X_OK)
