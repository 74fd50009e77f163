"""HTTP/1.1 with a deadline for the head of a request, which uvicorn has none for."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

SECONDS = 15.0
"""From the first byte of a connection, or of its next request, to the end of the request's head."""


class PatientHttp(HttpToolsProtocol):
    """Hundreds of senders that drip their heads would otherwise hold their connections for ever."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_head()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._have_head()
        super().on_headers_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Anybody can ask for an upgrade, a thousand times a second; and what uvicorn advises would change nothing,
        because there is nothing here to upgrade to. The request is answered as if it had not asked."""

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(SECONDS, self.transport.close)

    def _have_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
