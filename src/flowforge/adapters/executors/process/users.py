"""Who a job's steps are on this machine, when the server is root: a number that no other job has at the time.

The numbers have no names. Two jobs of one user could kill each other and read each other's memory, and the kernel counts
processes by user: only with a number of its own does a limit of processes bind one job and no other.
"""

import os
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from flowforge.errors import EngineUnavailable
from flowforge.model.attempt import AttemptKey

SUFFIX = ".user"


class Users:
    """Blocking. Who has which number is in a file beside each attempt's control folder, so that it is known after a
    restart."""

    def __init__(self, folder: Path, numbers: range) -> None:
        self._folder = folder
        self._numbers = numbers
        self._choosing = threading.Lock()

    def take(self, key: AttemptKey) -> int:
        """The same one for the same attempt. Raises `EngineUnavailable` where all are taken."""
        with self._choosing:
            taken = self._taken()
            if key not in taken:
                taken[key] = self._free(key, {*taken.values(), *_at_work()})
                self._file(key).write_text(str(taken[key]))
            return taken[key]

    def give_back(self, key: AttemptKey) -> None:
        self._file(key).unlink(missing_ok=True)

    def sweep(self, keep: Collection[AttemptKey]) -> None:
        for key in self._taken():
            if key not in keep:
                self.give_back(key)

    def _free(self, key: AttemptKey, busy: Collection[int]) -> int:
        """Begun at another place for each job, so that what one leaves in /tmp is not soon the property of another."""
        count = len(self._numbers)
        first = (key.run * 31 + key.job * 7 + key.number) % count
        for at in range(count):
            number = self._numbers[(first + at) % count]
            if number not in busy:
                return number
        raise EngineUnavailable(f"all users from {self._numbers[0]} to {self._numbers[-1]} have jobs")

    def _taken(self) -> dict[AttemptKey, int]:
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
