"""One address before two servers, whose claims it hands to them in turn and whose answers it may swallow."""

import http.client
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from urllib.parse import urlsplit

LONGEST = 60
_PASSED_ON = ("content-type", "retry-after", "content-range", "location")


@dataclass
class Balancer:
    """`refuse` claims are cut before a server hears of them, `swallow` answers to claims that hand out a job are cut on
    their way back. All other calls go to the first server: it keeps the logs."""

    urls: Sequence[str]
    refuse: int = 0
    swallow: int = 0
    gone: bool = False
    port: int = 0
    handed: list[tuple[str, bytes]] = field(default_factory=list)
    """Which server handed out what, swallowed or not."""
    _close: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._turns = cycle(self.urls)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def vanish(self) -> None:
        """The address is down: connections are refused, and those that are open are cut."""
        self.gone = True
        self._close()

    def place_of(self, is_claim: bool) -> str:
        """Empty where the call is to be cut at once."""
        with self._lock:
            if self.gone:
                return ""
            if not is_claim:
                return self.urls[0]
            if self.refuse:
                self.refuse -= 1
                return ""
            return next(self._turns)

    def passes(self, place: str, body: bytes) -> bool:
        """Whether a job that was handed out reaches the runner."""
        with self._lock:
            self.handed.append((place, body))
            if self.swallow:
                self.swallow -= 1
                return False
            return True


class _Handler(BaseHTTPRequestHandler):
    balancer: Balancer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            self._pass_on(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        return

    def _pass_on(self, body: bytes) -> None:
        is_claim = self.path.endswith("/claim")
        place = self.balancer.place_of(is_claim)
        self.close_connection = not place
        if not place:
            return
        connection = http.client.HTTPConnection(urlsplit(place).netloc, timeout=LONGEST)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if is_claim and answer.status == 200 and not self.balancer.passes(place, content):
            self.close_connection = True
            return
        self._answer(answer, content)

    def _answer(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() in _PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def balancer(*urls: str) -> Iterator[Balancer]:
    balancer = Balancer(urls)
    with _Listening(("127.0.0.1", 0), type("Handler", (_Handler,), {"balancer": balancer})) as listening:
        balancer.port, balancer._close = listening.server_port, listening.server_close
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield balancer
        finally:
            listening.shutdown()
            thread.join()
