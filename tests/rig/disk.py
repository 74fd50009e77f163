"""A small disk of a test's own: a tmpfs, which only root can mount."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class SmallDisk:
    folder: Path

    @property
    def free(self) -> int:
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize

    def fill(self, left: int = 0) -> None:
        """All but `left` bytes, by a file that nobody else knows."""
        with (self.folder / "filler").open("ab") as filler:
            while (room := self.free - left) >= 4096:
                with suppress(OSError):  # the server took a part of it meanwhile
                    os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), room)
                filler.seek(0, os.SEEK_END)

    def empty(self) -> None:
        (self.folder / "filler").unlink()

    def grow(self, size: int) -> None:
        _run("mount", "-o", f"remount,size={size}", str(self.folder))


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    folder.mkdir(mode=0o700, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "flowforge-test", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stderr
