"""Where logs are kept."""

from collections.abc import AsyncIterator
from typing import Protocol

from flowforge.model.attempt import AttemptKey
from flowforge.model.log import LogLines, LogSize


class Logs(Protocol):
    """One byte stream an attempt. What `append` accepted is read back the same, in the same order, by every method.
    Safe to read while it grows and while it is sealed."""

    async def append(self, key: AttemptKey, offset: int, data: bytes) -> int:
        """Store `data` at `offset`, which must not lie behind the end; what is there already is skipped. Answers the
        size; one smaller than `offset` means a gap: nothing was stored, send from there."""
        ...

    async def size(self, key: AttemptKey) -> LogSize:
        """Of a log that nobody wrote: no bytes, not sealed."""
        ...

    def read(self, key: AttemptKey, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to `end` (exclusive), as far as they are there now."""
        ...

    async def lines(self, key: AttemptKey, first: int, count: int) -> LogLines:
        """A last line without its newline counts as a line."""
        ...

    def follow(self, key: AttemptKey, start: int = 0) -> AsyncIterator[bytes]:
        """Like `read`, and waits for more until the log is sealed."""
        ...

    async def seal(self, key: AttemptKey) -> LogSize:
        """Nothing more will come. Idempotent; ends followers once they have everything."""
        ...

    async def delete(self, run: int) -> None:
        """All logs of a run."""
        ...
