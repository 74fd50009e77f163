"""A client of HTTP/1.1 that costs less than any server: requests are made beforehand, and of an answer only its status
and length are read. One thread, many kept-alive connections."""

import selectors
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

DEADLINE = 120.0


@dataclass(slots=True)
class Exchange:
    """What came of a load: seconds of each request, of all of them, and the client's own share of a processor."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    client_cpu: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    named = {"Host": "127.0.0.1", **headers, **({"Content-Length": str(len(body))} if body else {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def exchange(port: int, requests: list[bytes], clients: int) -> Exchange:
    """Each client sends its next request as soon as its last one is answered. Anything but 200 is an error."""
    result = Exchange()
    waiting = iter(requests)
    busy, begun = time.process_time(), time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            connection = _Connection(socket.create_connection(("127.0.0.1", port), 10))
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send_next(waiting)
        while len(result.latencies) < len(requests):
            ready = selector.select(10)
            if not ready or time.perf_counter() - begun > DEADLINE:
                raise TimeoutError("the server stopped answering")
            for key, _ in ready:
                if key.data.answered():
                    result.latencies.append(key.data.elapsed)
                    key.data.send_next(waiting)
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    result.seconds = time.perf_counter() - begun
    result.client_cpu = (time.process_time() - busy) / result.seconds
    return result


class _Connection:
    def __init__(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connected
        self.elapsed = 0.0
        self._since = 0.0
        self._answer = b""

    def send_next(self, requests: Iterator[bytes]) -> None:
        following = next(requests, None)
        if following is not None:
            self._since = time.perf_counter()
            self.socket.sendall(following)

    def answered(self) -> bool:
        """One whole answer is there."""
        self._answer += self.socket.recv(1 << 16)
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {head[:80]!r} {body[:200]!r}")
        if not _whole(head.lower(), body):
            return False
        self.elapsed = time.perf_counter() - self._since
        self._answer = b""
        return True


def _whole(head: bytes, body: bytes) -> bool:
    """By its length, or by the chunk that ends it."""
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line[15:])
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    raise RuntimeError("the server answered without a length")
