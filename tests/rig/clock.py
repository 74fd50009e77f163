"""A wall clock that can be moved for one server, while its monotonic time stays true."""

import math
import struct
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

SOURCE = Path(__file__).with_name("wall_clock.c")
HOUR = 3600


@dataclass(frozen=True)
class WallClock:
    """`folder` holds the library, made here, and the file by which the clock is moved."""

    folder: Path

    def make(self) -> None:
        command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", str(self._library), str(SOURCE)]
        made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert made.returncode == 0, made.stderr
        self._file.write_bytes(bytes(8))

    def move(self, hours: int) -> None:
        """So far from the true time."""
        self._shift(hours * HOUR)

    def show(self, instant: datetime) -> None:
        """About that time from now on, a part of a second later."""
        self._shift(math.ceil(instant.timestamp() - time.time()))

    def _shift(self, seconds: int) -> None:
        """In place, for the server has the file mapped."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", seconds))

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "WALL_CLOCK_FILE": str(self._file)}

    @property
    def _library(self) -> Path:
        return self.folder / "wall_clock.so"

    @property
    def _file(self) -> Path:
        return self.folder / "wall_clock"
