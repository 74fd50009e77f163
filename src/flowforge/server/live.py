"""The event stream as server-sent events, resumable by the id of the last one seen."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime

from flowforge.model.event import Event
from flowforge.server.door import Ground
from flowforge.services.progress import EVENTS

AT_ONCE = 500
HEARTBEAT = 15.0
"""Seconds without an event after which a comment shows that the line is not dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose events, of which run; None for all runs."""

    organisation_id: int
    run_id: int | None = None

    def __contains__(self, event: Event) -> bool:
        return event.organisation_id == self.organisation_id and self.run_id in (None, event.run_id)


async def event_frames(ground: Ground, last_seen: str, wanted: Wanted) -> AsyncGenerator[bytes]:
    """Without `last_seen`, from now on. One of another history, or of none, gets `reset` and goes on from now."""
    rung = ground.bell.listen(EVENTS)
    epoch, last = await ground.store.read(lambda tx: (tx.events.epoch(), tx.events.last()))
    at = _position(last_seen, epoch, last)
    yield b"retry: 1000\n\n"
    if at is None:
        at = last
        if last_seen:
            yield f"id: {epoch}-{at}\nevent: reset\ndata: {{}}\n\n".encode()
    while True:
        behind = at
        events = await ground.store.read(lambda tx: tx.events.since(behind, AT_ONCE))  # noqa: B023
        if events:
            at = events[-1].id
            yield b"".join(_frame(event, epoch) for event in events if event in wanted)
        elif not await rung.wait(HEARTBEAT):
            yield f": still here\nid: {epoch}-{at}\n\n".encode()


def _position(last_seen: str, epoch: str, last: int) -> int | None:
    theirs, _, number = last_seen.rpartition("-")
    if theirs != epoch or not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return int(number) if int(number) <= last else None


def _frame(event: Event, epoch: str) -> bytes:
    data = {
        **event.detail,
        "run_id": event.run_id,
        "job_id": event.job_id,
        "status": event.status or None,
        "at": timestamp(event.at),
    }
    return f"id: {epoch}-{event.id}\nevent: {event.kind}\ndata: {json.dumps(data)}\n\n".encode()


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
