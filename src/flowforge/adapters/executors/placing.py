"""Brings a run's files into a workspace that a job may already be at work in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from flowforge.errors import BadInput

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def folder_below(workspace: Path, relative: str) -> Iterator[Path]:
    """A path to the folder `relative` below the workspace, made where it is missing. It stays that folder even if the
    job puts a link in its place meanwhile. Raises `BadInput` for a path that leads elsewhere."""
    parts = PurePosixPath(relative).parts
    if relative.startswith("/") or ".." in parts or "\0" in relative:
        raise BadInput(f"the checkout path {relative!r} leaves the workspace", field="path")
    if not parts:
        yield workspace
        return
    fd = os.open(workspace, FOLDER)
    try:
        for part in parts:
            fd = _enter(fd, part, relative)
        # The kernel resolves this to the open folder itself; for other processes too, so not /proc/self.
        held = Path(f"/proc/{os.getpid()}/fd/{fd}")
        yield held if held.exists() else workspace / relative
    finally:
        os.close(fd)


def _enter(fd: int, part: str, relative: str) -> int:
    try:
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=fd)
        inner = os.open(part, FOLDER, dir_fd=fd)
    except OSError as error:
        raise BadInput(
            f"the checkout path {relative!r} cannot be made a folder: {error.strerror}", field="path"
        ) from error
    os.close(fd)
    return inner
