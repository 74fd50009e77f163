"""Brings a run's files into a workspace that a job may already be at work in."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath

from flowforge.errors import BadInput

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def folder_below(workspace: Path, relative: str) -> Iterator[Path]:
    """A path to the folder `relative` below the workspace, made where it is missing. All of it but its last part is
    held open, so that the job cannot put a link in its place meanwhile; a link as the last part is for `Sources` to
    refuse. Raises `BadInput` for a path that leads elsewhere."""
    parts = PurePosixPath(relative).parts
    if relative.startswith("/") or ".." in parts or "\0" in relative:
        raise BadInput(f"the checkout path {relative!r} leaves the workspace", field="path")
    if not parts:
        yield workspace
        return
    with ExitStack() as held:
        parent = _held(held, os.open(workspace, FOLDER))
        try:
            for part in parts[:-1]:
                parent = _held(held, _enter(parent, part))
            os.close(_enter(parent, parts[-1]))
        except OSError as error:
            sentence = f"the checkout path {relative!r} cannot be made a folder: {error.strerror}"
            raise BadInput(sentence, field="path") from error
        # The kernel resolves this to the open folder itself; for other processes too, so not /proc/self.
        folder = Path(f"/proc/{os.getpid()}/fd/{parent}")
        yield folder / parts[-1] if folder.exists() else workspace / relative


def _held(stack: ExitStack, fd: int) -> int:
    stack.callback(os.close, fd)
    return fd


def _enter(folder: int, name: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=folder)
    return os.open(name, FOLDER, dir_fd=folder)
