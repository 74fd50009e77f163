"""Things that must never be touched: an address nobody may call, and a file nobody may make."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Tripwire:
    """`heard` has whoever called; `file` stands in a folder that every user may write to."""

    file: Path
    port: int = 0
    heard: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        return f"touch {self.file}"

    def lives(self) -> None:
        assert not self.heard
        assert not list(self.file.parent.iterdir())


@contextmanager
def tripwire(folder: Path) -> Iterator[Tripwire]:
    folder.mkdir()
    folder.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        watched = Tripwire(folder / "canary", listening.getsockname()[1])
        over = threading.Event()
        thread = threading.Thread(target=_listen, args=(listening, watched, over))
        thread.start()
        try:
            yield watched
        finally:
            over.set()
            thread.join()


def _listen(listening: socket.socket, watched: Tripwire, over: threading.Event) -> None:
    while not over.is_set():
        try:
            call, address = listening.accept()
        except TimeoutError:
            continue
        watched.heard.append(str(address))
        call.close()


def found_below(folder: Path, secret: bytes) -> list[Path]:
    """Files that hold it."""
    return [path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
