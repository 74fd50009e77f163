"""A counter outside of every job: steps call it over TCP and go on once it answers."""

import collections
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PATIENCE = 120.0


@dataclass
class Counter:
    """`told` holds every word that was said, in order, with the run it was said in. A step that says a word which is
    held waits for its release."""

    host: str
    port: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)
    _held: dict[str, threading.Event] = field(default_factory=dict)
    _heard: threading.Condition = field(default_factory=threading.Condition)

    def shell(self) -> str:
        """Defines `tell WORD`, which fails where nobody answers. Its busybox is the image's own, or the machine's."""
        return (
            f'tell() {{ test "$(echo "$1 $FLOWFORGE_RUN_ID" | busybox nc {self.host} {self.port})" = go; }}'
        )

    def hold(self, word: str) -> None:
        self._held[word] = threading.Event()

    def release(self, word: str) -> None:
        self._held[word].set()

    def wait_for(self, word: str, seconds: float = 30) -> None:
        with self._heard:
            heard = self._heard.wait_for(lambda: any(word == said for said, _ in self.told), seconds)
        assert heard, f"nobody said {word}: {self.told}"

    def answer(self, word: str, run_id: str) -> bytes:
        with self._heard:
            self.told.append((word, run_id))
            self._heard.notify_all()
        held = self._held.get(word)
        return b"go\n" if held is None or held.wait(PATIENCE) else b"nobody released it\n"

    def counts(self, run_id: int) -> dict[str, int]:
        """How often each word of a run was said."""
        return dict(collections.Counter(word for word, run in self.told if run == str(run_id)))


class _Call(socketserver.StreamRequestHandler):
    counter: Counter

    def handle(self) -> None:
        word, _, run_id = self.rfile.readline().decode().strip().partition(" ")
        if word:
            self.wfile.write(self.counter.answer(word, run_id))


class _Listening(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A step that was killed hangs up."""


@contextmanager
def counting(host: str) -> Iterator[Counter]:
    counter = Counter(host)
    with _Listening((host, 0), type("Call", (_Call,), {"counter": counter})) as listening:
        counter.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield counter
        finally:
            listening.shutdown()
            thread.join()
