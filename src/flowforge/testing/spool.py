"""A spool that forgets with its process."""

from collections.abc import Sequence

from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Lease


class MemorySpool:
    def __init__(self) -> None:
        self._leases: dict[AttemptKey, Lease] = {}
        self._notes: dict[AttemptKey, str] = {}
        self._sought = ""

    def seek(self, token: str) -> None:
        self._sought = token

    def sought(self) -> str:
        return self._sought

    def hold(self, lease: Lease, note: str) -> None:
        self._leases[lease.attempt] = lease
        self._notes[lease.attempt] = note

    def held(self) -> Sequence[Lease]:
        return [self._leases[key] for key in sorted(self._leases)]

    def note(self, key: AttemptKey, text: str) -> None:
        self._notes[key] = text

    def noted(self, key: AttemptKey) -> str:
        return self._notes.get(key, "")

    def drop(self, key: AttemptKey) -> None:
        self._leases.pop(key, None)
        self._notes.pop(key, None)
