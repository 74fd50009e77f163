"""Smart HTTP on a loopback address: git's own http-backend behind the standard library's server."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def _opened() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class GitServer:
    """`password` makes every repository private to `user`; `redirect` sends every request to another origin; `old` speaks the
    protocol that refuses commits no ref points at; while `open` is clear nothing is answered.
    `heard` holds the path and the credential of each request."""

    folder: Path
    password: str = ""
    user: str = "x-access-token"
    redirect: str = ""
    old: bool = False
    page: bytes = b""
    port: int = 0
    heard: list[tuple[str, str]] = field(default_factory=list)
    open: threading.Event = field(default_factory=_opened)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        return f"http://{self.host}/{name}"

    def lets_in(self, credential: str) -> bool:
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return not self.password or credential == f"Basic {expected}"


class _Threaded(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, git: GitServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.git = git

    def handle_error(self, *_: object) -> None:
        """A client that hung up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Threaded

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def log_message(self, *_: object) -> None:
        return

    def _answer(self, body: bytes) -> None:
        credential = self.headers.get("Authorization", "")
        self.server.git.heard.append((self.path, credential))
        self.server.git.open.wait(60)
        if self.server.git.redirect:
            self._say(302, {"Location": self.server.git.redirect + self.path}, b"")
        elif not self.server.git.lets_in(credential):
            self._say(401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
        elif self.server.git.page:
            self._say(200, {"Content-Type": "text/html"}, self.server.git.page)
        else:
            self._backend(body)

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.git.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": "" if self.server.git.old else self.headers.get("Git-Protocol", ""),
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }
        ran = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self._say(int(headers.pop("Status", "200 OK").split()[0]), headers, content)

    def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def git_server(folder: Path, **options: object) -> Iterator[GitServer]:
    server = GitServer(folder=folder, **options)
    listening = _Threaded(server)
    server.port = listening.server_port
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
