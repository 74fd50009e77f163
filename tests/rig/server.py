"""The real server: `flowforge up` as a process, killed and started again at will."""

import hashlib
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from flowforge.adapters.data.folder import DataFolder
from tests.git_repositories import File
from tests.rig.forge import FakeGitHub, Push

SECRET = "the-webhook-secret"
REPOSITORY = "acme/web"
OVER = frozenset({"success", "failure", "cancelled", "skipped"})


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Done:
    """What a command made of it."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Pushed:
    run_id: int
    commit: str


@dataclass
class RealServer:
    """Data and workspaces live below `folder`; `environment` is added to a bare one. Start it, use it, stop it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    url: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def workspaces(self) -> Path:
        return self.folder / "workspaces"

    def start(self) -> Self:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        # Run as root, a job's steps get a user of their own, who must pass to the workspaces.
        self.folder.chmod(0o711)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "FLOWFORGE_DATA": str(self.data),
            "FLOWFORGE_WORKSPACE_ROOT": str(self.workspaces),
            "PORT": "0",
            "WEBHOOK_SECRET": SECRET,
            # So that every container there is belongs to a run; tests of the pool ask for one.
            "FLOWFORGE_POOL": "off",
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE")},
            **self.environment,
        }
        command = [sys.executable, "-c", "from flowforge.cli.main import main; main()", "up"]
        with (self.folder / "server.err").open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        assert self.process.stdout
        first = self.process.stdout.readline().decode()
        assert " at http" in first, f"the server did not start: {self.errors()}"
        self.lines = [first, self.process.stdout.readline().decode()]
        self.url = first.split(" at ")[1].split()[0]
        return self

    def kill(self) -> None:
        """As a power cut would end it, but for its rooms."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """It stands still where it is; only a kill, or being continued, ends that."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After a pause."""
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """In order; answers the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, signal_number: int) -> int:
        assert self.process
        self.process.send_signal(signal_number)
        code = self.process.wait(30)
        assert self.process.stdout
        self.process.stdout.close()
        self.process = None
        return code

    def __enter__(self) -> Self:
        return self if self.process else self.start()

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.stop()
        # Of an instance that will not come back; what is in it, a failed test has left to be looked at.
        with suppress(OSError):
            DataFolder(self.data).rooms().rmdir()

    def errors(self) -> str:
        return (self.folder / "server.err").read_text(errors="replace")

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        host, _, port = self.url.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def api(self, method: str, path: str, value: object = None, token: str = "") -> Answer:
        """As the command line on this machine would ask, or somebody else with a token of theirs."""
        authorization = {"Authorization": f"Bearer {token}"} if token else self.credentials
        headers = {**authorization, "Content-Type": "application/json"}
        body = None if value is None else json.dumps(value).encode()
        return self.ask(method, f"/api/v1{path}", body, headers)

    @property
    def credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}

    def flowforge(self, *arguments: str, given: str = "", token: str = "") -> Done:
        """The command line on this machine, as an admin where no other token is named."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "FLOWFORGE_SERVER_URL": self.url,
            "FLOWFORGE_TOKEN": token or self._token(),
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE")},
        }
        done = subprocess.run(
            [sys.executable, "-c", "from flowforge.cli.main import main; main()", *arguments],
            cwd=self.folder,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def token_of(self, role: str) -> str:
        """A token of the command line for somebody with less to say than an admin."""
        token = f"ffl_{role}-{uuid.uuid4().hex}"
        digest = hashlib.sha256(token.encode()).hexdigest()
        with closing(sqlite3.connect(self.data / "flowforge.db", timeout=30)) as database, database:
            database.execute(
                "INSERT INTO credentials SELECT ?, kind, organisation_id, ?, ?, target, created_at, expires_at"
                " FROM credentials WHERE kind = 'local' AND role = 'admin'",
                (digest, role, f"a {role}"),
            )
        return token

    def deliver(self, push: Push) -> int:
        """The id of the run it started."""
        answer = self.ask("POST", "/webhook", push.body, push.headers)
        assert answer.status == 200, answer.body
        return int(answer.value["pipeline_id"])

    def events(self, run_id: int, seconds: float = 60) -> Iterator[tuple[str, Any]]:
        """Kind and data of all that happened to a run, and of what happens to it from now on."""
        reset = next(self._frames(run_id, "from-nowhere-0"))
        epoch, _, _ = reset["id"].rpartition("-")
        deadline = time.monotonic() + seconds
        for frame in self._frames(run_id, f"{epoch}-0"):
            assert time.monotonic() < deadline, f"nothing more for {seconds} s: {self.errors()[-4000:]}"
            if "event" in frame:
                yield frame["event"], json.loads(frame["data"])

    def _frames(self, run_id: int, after: str) -> Iterator[dict[str, str]]:
        """Fields by name; a comment, such as the one that shows that the line is alive, has the empty name."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        headers = {"Authorization": f"Bearer {self._token()}", "Last-Event-ID": after}
        try:
            connection.request("GET", f"/api/v1/events?run={run_id}", headers=headers)
            answer = connection.getresponse()
            while lines := list(iter(lambda: answer.readline().decode().rstrip(), "")):
                frame = dict(line.split(": ", 1) for line in lines)
                if "id" in frame:
                    yield frame
        finally:
            connection.close()

    def _token(self) -> str:
        return (self.data / "local.token").read_text().strip()

    def push(self, forge: FakeGitHub, files: Mapping[str, File], repository: str = REPOSITORY) -> Pushed:
        """A commit with exactly these files on the main branch, and its delivery."""
        commit = forge.commit(repository, dict(files))
        return Pushed(self.deliver(forge.push(repository, commit, SECRET)), commit)

    def run(self, run_id: int) -> Any:
        answer = self.api("GET", f"/runs/{run_id}")
        assert answer.status == 200, answer.body
        return answer.value

    def over(self, run_id: int, seconds: float = 60) -> Any:
        """The run once it is over."""
        deadline = time.monotonic() + seconds
        while (run := self.run(run_id))["status"] not in OVER:
            assert time.monotonic() < deadline, (
                f"run {run_id} is {run['status']}: {run}\n{self.errors()[-4000:]}"
            )
            time.sleep(0.02)
        return run

    def log(self, run_id: int, job: str) -> bytes:
        path = f"/api/v1/runs/{run_id}/jobs/{quote(job, safe='')}/log"
        answer = self.ask("GET", path, headers={"Authorization": f"Bearer {self._token()}"})
        assert answer.status == 200, answer.body
        return answer.body
