"""A server on loopback that gives fixed answers and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answering:
    """`answers` by `METHOD path`: status and body; a list is used up one by one, its last one stays."""

    answers: dict[str, list[tuple[int, bytes]]]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def answer(self, method: str, path: str) -> tuple[int, bytes]:
        left = self.answers.get(f"{method} {path}")
        if not left:
            return 404, json.dumps(
                {"title": "Not Found", "status": 404, "detail": f"no path {path}"}
            ).encode()
        return left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def answering(answers: Mapping[str, object]) -> Iterator[Answering]:
    """Values become a JSON body, bytes stay, a tuple has a status in front, a list is one answer after the other."""
    known = {
        key: [_answer(each) for each in (value if isinstance(value, list) else [value])]
        for key, value in answers.items()
    }
    server = Answering(known)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            status, content = server.answer(self.command, self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name in ("do_GET", "do_POST", "do_PUT", "do_DELETE"):
                return self.handle_any
            raise AttributeError(name)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def _answer(value: object) -> tuple[int, bytes]:
    status, body = value if isinstance(value, tuple) else (200, value)
    return status, body if isinstance(body, bytes) else json.dumps(body).encode()
