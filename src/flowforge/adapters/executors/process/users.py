"""Who a job's steps are on this machine, when the server is root: a number that no other job has at the time.

The numbers have no names. Two jobs of one user could kill each other and read each other's memory, and the kernel counts
processes by user: only with a number of its own does a limit of processes bind one job and no other.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from flowforge.errors import EngineUnavailable
from flowforge.model.attempt import AttemptKey


class Users:
    """Blocking. Who has which number is in files below `folder`, so that it is known after a restart."""

    def __init__(self, folder: Path, numbers: range) -> None:
        self._folder = folder
        self._numbers = numbers

    def take(self, key: AttemptKey) -> int:
        """The same one for the same attempt. Raises `EngineUnavailable` where all are taken."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (known := self._of(key)) is not None:
            return known
        busy = _at_work()
        count = len(self._numbers)
        # Begun at another place for each job, so that what one leaves in /tmp is not soon the property of another.
        first = (key.run * 31 + key.job * 7 + key.number) % count
        for at in range(count):
            number = self._numbers[(first + at) % count]
            if number not in busy and self._mark(number, key):
                return number
        raise EngineUnavailable(f"all users from {self._numbers[0]} to {self._numbers[-1]} have jobs")

    def give_back(self, key: AttemptKey) -> None:
        number = self._of(key)
        if number is not None:
            (self._folder / str(number)).unlink(missing_ok=True)

    def sweep(self, keep: Collection[AttemptKey]) -> None:
        for path in self._marks():
            with suppress(ValueError, FileNotFoundError):
                if AttemptKey.parse(path.read_text()) not in keep:
                    path.unlink()

    def _mark(self, number: int, key: AttemptKey) -> bool:
        try:
            with (self._folder / str(number)).open("x") as file:
                file.write(str(key))
        except FileExistsError:
            return False
        return True

    def _of(self, key: AttemptKey) -> int | None:
        for path in self._marks():
            with suppress(FileNotFoundError):
                if path.read_text() == str(key):
                    return int(path.name)
        return None

    def _marks(self) -> list[Path]:
        return [path for path in self._folder.glob("*") if path.name.isdecimal()]


def _at_work() -> set[int]:
    """Whose processes there are: another server on this machine may use the same numbers."""
    found = set()
    for entry in os.scandir("/proc") if Path("/proc/self").exists() else ():
        if entry.name.isdecimal():
            with suppress(OSError):
                found.add(entry.stat().st_uid)
    return found
