"""A small GitHub on loopback: bare repositories over smart HTTP, signed pushes, and an API that takes commit statuses."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests import git_repositories
from tests.git_repositories import File
from tests.git_server import GitServer, git_server


@dataclass(frozen=True)
class PostedStatus:
    repository: str
    commit: str
    state: str
    description: str
    context: str
    target_url: str


@dataclass(frozen=True)
class Push:
    """A webhook as it would be sent."""

    body: bytes
    headers: dict[str, str]

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeGitHub:
    """`refuse` statuses are answered to the API's next calls instead of 201."""

    folder: Path
    git: GitServer
    api_port: int = 0
    statuses: list[PostedStatus] = field(default_factory=list)
    refuse: list[int] = field(default_factory=list)
    heard: threading.Condition = field(default_factory=threading.Condition)
    _asked: threading.Event = field(default_factory=threading.Event)
    _hung: threading.Event | None = None
    _heads: dict[str, str] = field(default_factory=dict)
    _deliveries: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """What makes a server trust and use this forge."""
        return {
            "FLOWFORGE_TRUSTED_FORGES": f"{self.git.host},127.0.0.1:{self.api_port}",
            "FLOWFORGE_GITHUB_API": f"http://127.0.0.1:{self.api_port}",
            "GITHUB_TOKEN": "a-token-for-statuses",
        }

    def commit(self, repository: str, files: dict[str, File], branch: str = "main") -> str:
        """A new commit with exactly these files on top of the branch."""
        path = self.folder / f"{repository}.git"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            git_repositories.Forge(path)
        bare = git_repositories.Forge.__new__(git_repositories.Forge)
        bare.path = path
        key = f"{repository}:{branch}"
        self._heads[key] = bare.commit(files, f"refs/heads/{branch}", self._heads.get(key, ""))
        return self._heads[key]

    def push(
        self, repository: str, commit: str, secret: str, *, branch: str = "main", before: str = "0" * 40
    ) -> Push:
        """The delivery GitHub would send for it."""
        base = f"http://{self.git.host}/{repository}"
        payload = {
            "ref": f"refs/heads/{branch}",
            "before": before,
            "after": commit,
            "deleted": False,
            "repository": {
                "id": int(hashlib.sha256(repository.encode()).hexdigest()[:8], 16),
                "full_name": repository,
                "html_url": base,
                "clone_url": f"{base}.git",
                "default_branch": "main",
            },
            "head_commit": {"id": commit, "message": f"Change {branch}", "author": {"name": "Some One"}},
        }
        return self.signed(payload, secret)

    def signed(self, payload: object, secret: str, *, event: str = "push") -> Push:
        """Any payload as a genuine delivery."""
        self._deliveries += 1
        body = json.dumps(payload).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": f"delivery-{self._deliveries}",
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        return Push(body=body, headers=headers)

    def states_of(self, commit: str) -> list[str]:
        return [status.state for status in self.statuses if status.commit == commit]

    def wait_for(self, commit: str, state: str, seconds: float = 30) -> PostedStatus:
        """The first such status, waited for."""
        with self.heard:
            found = self.heard.wait_for(lambda: self._find(commit, state), seconds)
        assert found, f"{state} never came for {commit}: {self.statuses}"
        return found

    def _find(self, commit: str, state: str) -> PostedStatus | None:
        return next((s for s in self.statuses if (s.commit, s.state) == (commit, state)), None)

    @contextmanager
    def hanging(self) -> Iterator[threading.Event]:
        """The API answers nothing within the block; the event is set once it was asked something. What was asked in the
        block is never taken."""
        asked, self._hung = threading.Event(), threading.Event()
        self._asked = asked
        try:
            yield asked
        finally:
            hung, self._hung = self._hung, None
            hung.set()

    def take(self, path: str, body: dict[str, str]) -> int:
        """One call of the API; answers the status code."""
        if hung := self._hung:
            self._asked.set()
            hung.wait(60)
            return 503
        with self.heard:
            if self.refuse:
                return self.refuse.pop(0)
            _, _, owner, name, _, commit = path.split("/")
            self.statuses.append(PostedStatus(repository=f"{owner}/{name}", commit=commit, **body))
            self.heard.notify_all()
        return 201


class _Api(BaseHTTPRequestHandler):
    forge: FakeGitHub

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.forge.take(self.path, body)
        self.send_response(answer)
        self.send_header("Content-Length", "2")
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def fake_github(folder: Path) -> Iterator[FakeGitHub]:
    with git_server(folder) as git:
        forge = FakeGitHub(folder=folder, git=git)
        handler = type("Handler", (_Api,), {"forge": forge})
        api = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        forge.api_port = api.server_port
        thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield forge
        finally:
            api.shutdown()
            thread.join()
            api.server_close()
