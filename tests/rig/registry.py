"""A registry that has no image, and may ask everybody who they are."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MISSING = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}).encode()


@dataclass
class Registry:
    """`host` is its name and port. `seen` is who asked for which image, where it asks for names."""

    asks: bool
    host: str = ""
    seen: dict[str, set[str]] = field(default_factory=dict)

    def answers(self, path: str, authorization: str | None) -> int:
        if self.asks and not self._saw(path, authorization):
            return 401
        return 200 if path == "/v2/" else 404

    def _saw(self, path: str, authorization: str | None) -> bool:
        if not authorization:
            return False
        who = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        self.seen.setdefault(path.split("/")[2], set()).add(who)
        return True


class _Handler(BaseHTTPRequestHandler):
    registry: Registry

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.send_response(self.registry.answers(self.path, self.headers["Authorization"]))
        if self.registry.asks:
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(MISSING)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(MISSING)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def empty_registry(*, asks: bool = False) -> Iterator[Registry]:
    """Engines talk plain HTTP to loopback addresses."""
    registry = Registry(asks)
    handler = type("Handler", (_Handler,), {"registry": registry})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        registry.host = f"127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield registry
        finally:
            listening.shutdown()
            thread.join()
