"""What an executor's rooms are made of."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from flowforge.adapters.executors.plan_file import Surroundings
from flowforge.adapters.executors.room import Ending
from flowforge.adapters.executors.room_folder import RoomFolder
from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder

Settle = Callable[[], None]
"""Blocking."""


class Machinery(Protocol):
    """What containers and plain processes do differently. Everything is named by the attempt."""

    async def move_in(
        self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]
    ) -> Surroundings | None:
        """The attempt's folders exist and are empty: put something in their place that was made beforehand and only
        waits to be started, or answer None. What an earlier life took for this attempt and did not begin is removed."""
        ...

    async def prepare(self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]) -> Surroundings:
        """Make all that the job needs but do not begin it. What an earlier life left under this name is replaced. The
        job's `secrets` are for what is fetched for it."""
        ...

    async def start(self, key: AttemptKey, folder: RoomFolder, settle: Settle) -> None:
        """Let the supervisor begin, once `settle` has given it what it begins with."""
        ...

    async def autopsy(self, key: AttemptKey) -> Ending | None:
        """The supervisor's lock is free: what became of it, or None where it lives after all."""
        ...

    async def evict(self, key: AttemptKey) -> None:
        """Remove what `prepare` made, running or not, but for the room's folders. Nothing there is no error."""
        ...

    async def strays(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        """Remove this instance's things of attempts that are not to be kept and have no folder; names them. `keep`
        grows meanwhile: ask it again before each removal."""
        ...
