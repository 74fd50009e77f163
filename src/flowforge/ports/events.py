"""Rows of what happened, and what is owed for it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from flowforge.model.commit_status import StatusDebt
from flowforge.model.event import Event, NewEvent


class StatusDebts(Protocol):
    def get(self, run_id: int) -> StatusDebt | None: ...
    def save(self, debt: StatusDebt) -> None: ...

    def due(self, now: datetime, limit: int, place: str) -> Sequence[StatusDebt]:
        """Those wanted at a place and not delivered whose next try is not in the future, longest waiting first."""
        ...

    def places(self, now: datetime) -> Sequence[str]:
        """Those at which something is due."""
        ...

    def claimed(self, by: str) -> Sequence[StatusDebt]:
        """Those that somebody took to send, and neither delivered nor put off."""
        ...

    def rival(self, debt: StatusDebt, now: datetime) -> StatusDebt | None:
        """Another run's with the same subject that is in this one's way: the newest of a newer run, unless it was given up
        before anything of it was delivered, else an older run's that is being sent."""
        ...

    def next_try(self, beside: Collection[str] = ()) -> datetime | None:
        """When the earliest undelivered one is due, those of the places `beside` left out."""
        ...


class Events(Protocol):
    """Ids are dense over committed transactions, so a reader that has seen n has seen all up to n."""

    def append(self, events: Iterable[NewEvent]) -> None: ...

    def since(self, id: int, limit: int) -> Sequence[Event]:
        """Those behind `id`, oldest first."""
        ...

    def last(self) -> int:
        """0 when there is none."""
        ...

    def cursor(self, reader: str) -> int:
        """How far a named reader has read; 0 for a new one."""
        ...

    def move(self, reader: str, id: int) -> None: ...

    def epoch(self) -> str:
        """Names this history: another database, another epoch."""
        ...
