"""How little free disk is too little."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Below `least` free bytes in any of the folders no job is taken and no log grows, so that what is left stays for the
    database: webhooks, results and statuses are small and must go on. `least` 0 asks for nothing.

    Asks the kernel each time: a local file system answers in microseconds."""

    folders: tuple[Path, ...]
    least: int

    def scarce(self) -> str:
        """Why there is too little room, or an empty text."""
        for folder, free in self._free():
            if free < self.least:
                wanted = f"FLOWFORGE_DISK_FLOOR wants {self.least >> 20}"
                return f"the disk is almost full: {free >> 20} MiB are free in {folder}, {wanted}"
        return ""

    def _free(self) -> Iterator[tuple[Path, int]]:
        for folder in self.folders if self.least else ():
            there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
            state = os.statvfs(there)
            yield folder, state.f_bavail * state.f_frsize
