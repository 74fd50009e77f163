"""The world outside."""

from typing import Protocol

from flowforge.model.commit_status import CommitStatus
from flowforge.model.http import HttpAnswer, HttpRequest


class Http(Protocol):
    async def send(self, request: HttpRequest) -> HttpAnswer:
        """One exchange: bounded in time and size, no redirect to another origin with credentials, retried only where
        the request says it is safe. Raises `Upstream` when there was no answer."""
        ...


class CommitStatuses(Protocol):
    async def post(self, status: CommitStatus) -> None:
        """Show it at the forge; the same one twice is harmless. Raises `Upstream`, `final` where no try can help."""
        ...
