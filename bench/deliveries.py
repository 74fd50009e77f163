"""Signed pushes of a real push's size, each its own delivery and its own commit."""

import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.wire import request

COMMITS = 6
"""In a push: its body is some 7 kB then."""


@dataclass(slots=True)
class Deliveries:
    """`base` is where the repository is said to live."""

    base: str
    secret: str
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def bodies(self, count: int) -> list[tuple[str, bytes]]:
        """Each with its delivery's id."""
        return [self._body(number) for number in itertools.islice(self._numbers, count)]

    def requests(self, count: int) -> list[bytes]:
        return [self._signed(delivery, body) for delivery, body in self.bodies(count)]

    def _signed(self, delivery: str, body: bytes) -> bytes:
        signature = hmac.digest(self.secret.encode(), body, "sha256").hex()
        headers = headers_of(delivery) | {
            "X-Hub-Signature-256": f"sha256={signature}",
            "User-Agent": "GitHub-Hookshot/bench",
            "Accept": "*/*",
        }
        return request("POST", "/webhook", headers, body)

    def _body(self, number: int) -> tuple[str, bytes]:
        commits = [self._commit(number, each) for each in range(COMMITS)]
        push = {
            "ref": "refs/heads/main",
            "before": _sha(number, -1),
            "after": commits[-1]["id"],
            "deleted": False,
            "repository": self._repository(),
            "pusher": {"name": "someone", "email": "someone@example.invalid"},
            "commits": commits,
            "head_commit": commits[-1],
        }
        return f"bench-{number}", json.dumps(push).encode()

    def _repository(self) -> dict[str, object]:
        """With the some forty links that GitHub sends along."""
        address = f"{self.base}/bench/flood"
        links = {f"link_{each}_url": f"{address}/some/api/{each}{{/sha}}" for each in range(40)}
        return {
            "id": 4711,
            "full_name": "bench/flood",
            "html_url": address,
            "clone_url": f"{address}.git",
            "default_branch": "main",
            **links,
        }

    def _commit(self, number: int, position: int) -> dict[str, object]:
        person = {"name": "Some One", "email": "someone@example.invalid", "username": "someone"}
        return {
            "id": _sha(number, position),
            "tree_id": _sha(number, position + 100),
            "message": f"Change number {number}, part {position}, of what a push may carry",
            "timestamp": "2024-01-01T00:00:00Z",
            "author": person,
            "committer": person,
            "added": [f"src/part_{position}/file_{each}.py" for each in range(3)],
            "removed": [],
            "modified": [f"docs/part_{position}.md", "README.md"],
        }


def headers_of(delivery: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
    }


def _sha(number: int, position: int) -> str:
    return hashlib.sha1(f"{number}:{position}".encode(), usedforsecurity=False).hexdigest()
