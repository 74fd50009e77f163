"""Who a job's steps are on this machine, when the server is root: a number that no other job has at the time.

The numbers have no names. Two jobs of one user could kill each other and read each other's memory, and the kernel counts
processes by user: only with a number of its own does a limit of processes bind one job and no other.
"""

import os
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from flowforge.errors import EngineUnavailable
from flowforge.model.attempt import AttemptKey

SUFFIX = ".user"
LOOK_EVERY = 1.0


class Users:
    """Blocking. Who has which number is in a file beside each attempt's control folder, so that it is known after a
    restart."""

    def __init__(self, folder: Path, numbers: range) -> None:
        self._folder = folder
        self._numbers = numbers
        self._choosing = threading.Lock()
        self._known: dict[AttemptKey, int] | None = None
        self._busy: set[int] = set()
        self._looked = float("-inf")

    def take(self, key: AttemptKey) -> int:
        """The same one for the same attempt. Raises `EngineUnavailable` where all are taken."""
        with self._choosing:
            taken = self._taken()
            if key not in taken:
                number = self._chosen(key, taken.values())
                self._file(key).write_text(str(number))
                taken[key] = number
            return taken[key]

    def give_back(self, key: AttemptKey) -> None:
        with self._choosing:
            self._file(key).unlink(missing_ok=True)
            number = self._taken().pop(key, None)
            if number is not None:
                self._busy.add(number)  # what the job left running is not looked for before the next look

    def sweep(self, keep: Collection[AttemptKey]) -> None:
        with self._choosing:
            gone = [key for key in self._taken() if key not in keep]
        for key in gone:
            self.give_back(key)

    def _chosen(self, key: AttemptKey, taken: Collection[int]) -> int:
        number = self._free(key, {*taken, *self._others()})
        if number is None:
            self._looked = float("-inf")
            number = self._free(key, {*taken, *self._others()})
        if number is None:
            raise EngineUnavailable(f"all users from {self._numbers[0]} to {self._numbers[-1]} have jobs")
        return number

    def _free(self, key: AttemptKey, busy: Collection[int]) -> int | None:
        """Begun at another place for each job, so that what one leaves in /tmp is not soon the property of another."""
        count = len(self._numbers)
        first = (key.run * 31 + key.job * 7 + key.number) % count
        numbers = (self._numbers[(first + at) % count] for at in range(count))
        return next((number for number in numbers if number not in busy), None)

    def _others(self) -> Collection[int]:
        """Looking at every process of a machine costs as much as the rest of a small job: once a second is enough."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY:
            self._busy, self._looked = _at_work(), now
        return self._busy

    def _taken(self) -> dict[AttemptKey, int]:
        """The folder is this server's alone: it is read once."""
        if self._known is None:
            self._known = self._noted()
        return self._known

    def _noted(self) -> dict[AttemptKey, int]:
        found = {}
        for path in self._folder.glob(f"*{SUFFIX}"):
            with suppress(ValueError, FileNotFoundError):
                found[AttemptKey.parse(path.name.removesuffix(SUFFIX))] = int(path.read_text())
        return found

    def _file(self, key: AttemptKey) -> Path:
        return self._folder / f"{key}{SUFFIX}"


def _at_work() -> set[int]:
    """Whose processes there are: another server on this machine may use the same numbers."""
    found = set()
    for entry in os.scandir("/proc") if Path("/proc/self").exists() else ():
        if entry.name.isdecimal():
            with suppress(OSError):
                found.add(entry.stat().st_uid)
    return found
