"""From a genuine webhook to durable runs, many at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from flowforge.errors import StoreUnavailable
from flowforge.model.push import Happening, Quiet
from flowforge.ports import Bell, Clock, Store
from flowforge.services.progress import NEW_RUN
from flowforge.services.recording import Arrival, Receipt, record

MOST_WAITING = 5_000
MOST_BYTES = 64 << 20
"""Of deliveries that are not recorded yet; a forge sends again what is refused."""


@dataclass(slots=True, eq=False)
class _Waiting:
    arrival: Arrival
    receipt: Receipt | None = None
    refused: StoreUnavailable | None = None


@dataclass(slots=True)
class Intake:
    """Those who arrive while a transaction is under way share the next one: whoever gets its turn first records all
    that wait. This is what makes a burst cost a few statements instead of a few for each."""

    store: Store
    bell: Bell
    clock: Clock
    _waiting: dict[_Waiting, None] = field(default_factory=dict)
    _inside: int = 0
    _bytes: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def accept(self, happening: Happening | Quiet, body: bytes) -> Receipt:
        """Durable when it returns. The same delivery, or what is newest at its place sent anew, gets the first one's
        receipt; something quiet gets one without runs.
        Raises `StoreUnavailable` where it cannot be recorded now, also when too much waits for that already."""
        if self._inside >= MOST_WAITING or (self._inside and self._bytes + len(body) > MOST_BYTES):
            raise StoreUnavailable("busy: too many deliveries wait to be recorded", retry_after=2.0)
        mine = _Waiting(Arrival(happening=happening, body=body))
        self._inside, self._bytes = self._inside + 1, self._bytes + len(body)
        self._waiting[mine] = None
        try:
            return await self._recorded(mine)
        finally:
            self._waiting.pop(mine, None)
            self._inside, self._bytes = self._inside - 1, self._bytes - len(body)

    async def _recorded(self, mine: _Waiting) -> Receipt:
        async with self._turn:
            if mine.receipt is None and mine.refused is None:
                await self._record(mine)
        if mine.refused:
            raise StoreUnavailable(
                mine.refused.message, retry_after=mine.refused.retry_after
            ) from mine.refused
        assert mine.receipt is not None  # noqa: S101  # either we or whoever had the turn before recorded it
        return mine.receipt

    async def _record(self, mine: _Waiting) -> None:
        batch, self._waiting = list(self._waiting), {}
        try:
            await self._record_together(batch)
        except StoreUnavailable as error:
            # Asked for each alone, a database that is away would be waited for as often as there are arrivals.
            for waiting in batch:
                waiting.refused = error
        except BaseException as error:
            # One arrival must not fail for what is wrong with another, nor with whoever records it: the rest wait for
            # a turn of their own.
            others = {waiting: None for waiting in batch if waiting is not mine}
            self._waiting = others | self._waiting
            if not isinstance(error, Exception):
                raise
            await self._record_together([mine])

    async def _record_together(self, batch: Sequence[_Waiting]) -> None:
        now = self.clock.now()
        arrivals = [waiting.arrival for waiting in batch]
        receipts = await self.store.write(lambda tx: record(tx, arrivals, now), urgent=True)
        for waiting, receipt in zip(batch, receipts, strict=True):
            waiting.receipt = receipt
        for topic in NEW_RUN:
            self.bell.ring(topic)
