"""Small forges of every dialect on loopback: private repositories over smart HTTP, signed webhooks, and an API that takes
commit statuses in that forge's own words."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests import git_repositories
from tests.forge_payloads import DIALECTS, Asked, Dialect, Moved, Repository, Spoken
from tests.git_repositories import File
from tests.git_server import GitServer, git_server
from tests.rig.forge import Push

TOKEN = "a-token-of-the-forge"
PREFIXES = {"github": "", "gitlab": "/api/v4", "bitbucket": "/2.0", "gitea": "/api/v1", "forgejo": "/api/v1"}


@dataclass(frozen=True)
class Posted:
    path: str
    authorization: str
    body: Mapping[str, str]

    @property
    def state(self) -> str:
        return self.body["state"]


@dataclass
class SmallForge:
    """`refuse` holds what the API's next calls are answered with: status, headers and body."""

    dialect: Dialect
    folder: Path
    git: GitServer
    api_port: int = 0
    posted: list[Posted] = field(default_factory=list)
    refuse: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    heard: threading.Condition = field(default_factory=threading.Condition)
    silence: threading.Event = field(default_factory=threading.Event)
    """While it is clear the API answers nothing."""
    _count: int = 0

    def __post_init__(self) -> None:
        self.silence.set()

    @property
    def environment(self) -> dict[str, str]:
        upper = self.dialect.name.upper()
        return {
            f"FLOWFORGE_{upper}_URL": f"http://{self.git.host}",
            f"FLOWFORGE_{upper}_API": f"http://127.0.0.1:{self.api_port}{PREFIXES[self.dialect.name]}",
            f"FLOWFORGE_{upper}_TOKEN": TOKEN,
        }

    @property
    def hosts(self) -> str:
        return f"{self.git.host},127.0.0.1:{self.api_port}"

    def repository(self, name: str, number: int) -> Repository:
        return Repository(f"http://{self.git.host}", name, number)

    def commit(self, name: str, files: dict[str, File], ref: str = "refs/heads/main") -> str:
        path = self.folder / f"{name}.git"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            git_repositories.Forge(path)
        bare = git_repositories.Forge.__new__(git_repositories.Forge)
        bare.path = path
        return bare.commit(files, ref)

    def push(self, moved: Moved, secret: str) -> Push:
        return self.signed(self.dialect.push(moved), secret)

    def pull(self, asked: Asked, secret: str) -> Push:
        return self.signed(self.dialect.pull(asked), secret)

    def signed(self, spoken: Spoken, secret: str, delivery: str = "") -> Push:
        self._count += 1
        body, headers = self.dialect.signed(spoken, secret, delivery or f"delivery-{self._count}")
        return Push(body=body, headers=headers)

    def wait_for(self, commit: str, state: str, seconds: float = 60) -> Posted:
        with self.heard:
            found = self.heard.wait_for(lambda: self._find(commit, state), seconds)
        assert found, f"{self.dialect.name}: {state} never came for {commit}: {self.posted}"
        return found

    def _find(self, commit: str, state: str) -> Posted | None:
        return next((p for p in self.posted if commit in p.path and p.state == state), None)

    def take(self, posted: Posted) -> tuple[int, dict[str, str], bytes]:
        self.silence.wait(60)
        with self.heard:
            if self.refuse:
                return self.refuse.pop(0)
            self.posted.append(posted)
            self.heard.notify_all()
        return 201, {}, json.dumps({"state": posted.state}).encode()


class _Api(BaseHTTPRequestHandler):
    forge: SmallForge

    def do_POST(self) -> None:
        body: Any = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, headers, answer = self.forge.take(Posted(self.path, self.headers["Authorization"], body))
        with suppress(ConnectionError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def small_forge(name: str, folder: Path) -> Iterator[SmallForge]:
    folder.mkdir(parents=True, exist_ok=True)
    dialect = DIALECTS[name]
    with git_server(folder, password=TOKEN, user=dialect.clone_user) as git:
        forge = SmallForge(dialect=dialect, folder=folder, git=git)
        api = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Api,), {"forge": forge}))
        forge.api_port = api.server_port
        thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield forge
        finally:
            forge.silence.set()
            api.shutdown()
            thread.join()
            api.server_close()


@contextmanager
def small_forges(folder: Path) -> Iterator[dict[str, SmallForge]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(small_forge(name, folder / name)) for name in DIALECTS}


def environment_of(forges: Mapping[str, SmallForge]) -> dict[str, str]:
    """What makes one server trust and use them all."""
    settings = {"FLOWFORGE_TRUSTED_FORGES": ",".join(forge.hosts for forge in forges.values())}
    for forge in forges.values():
        settings |= forge.environment
    return settings
