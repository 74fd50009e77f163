"""Writes below one folder, relative to descriptors of its folders: no link is ever followed, whoever made it and when."""

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 3
"""Something else may put a thing in the way again; a fight is not worth winning."""


class Folder:
    """Paths given one after the other are cheap when they share folders, as a sorted listing's do."""

    def __init__(self, root: Path) -> None:
        self._open = [os.open(root, _OPEN_FOLDER)]
        self._names: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.pop())

    def file(self, path: bytes, mode: int, chunks: Iterable[bytes]) -> os.stat_result:
        parent, name = self._parent(path)
        with self._new_file(parent, name, mode) as descriptor:
            for chunk in chunks:
                write_all(descriptor, chunk)
            return self._settle(descriptor, mode)

    def copy(self, path: bytes, mode: int, source: int) -> os.stat_result:
        """The rest of the open file `source`, sharing its blocks where the file system can."""
        parent, name = self._parent(path)
        with self._new_file(parent, name, mode) as descriptor:
            copy_rest(source, descriptor)
            return self._settle(descriptor, mode)

    def link(self, path: bytes, target: bytes) -> os.stat_result:
        parent, name = self._parent(path)
        for _ in range(_TRIES):
            with suppress(FileExistsError):
                os.symlink(target, name, dir_fd=parent)
                return os.stat(name, dir_fd=parent, follow_symlinks=False)
            _remove(parent, name)
        raise FileExistsError(os.fsdecode(path))

    def folder(self, path: bytes) -> os.stat_result:
        """An existing one stays with what it holds."""
        self._enter([*path.split(b"/")])
        return os.fstat(self._open[-1])

    def remove(self, path: bytes) -> None:
        parent, name = self._parent(path)
        self._leave_to(len(self._names))
        _remove(parent, name)

    @staticmethod
    def _settle(descriptor: int, mode: int) -> os.stat_result:
        """Against an umask that would lock out a job's own user."""
        made = os.fstat(descriptor)
        if stat.S_IMODE(made.st_mode) == mode:
            return made
        os.fchmod(descriptor, mode)
        return os.fstat(descriptor)

    @contextmanager
    def _new_file(self, parent: int, name: bytes, mode: int) -> Iterator[int]:
        descriptor = _create(parent, name, mode)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _parent(self, path: bytes) -> tuple[int, bytes]:
        *folders, name = path.split(b"/")
        if folders != self._names:
            self._enter(folders)
        return self._open[-1], name

    def _enter(self, names: list[bytes]) -> None:
        shared = 0
        while shared < min(len(names), len(self._names)) and names[shared] == self._names[shared]:
            shared += 1
        self._leave_to(shared)
        for name in names[shared:]:
            self._open.append(_open_folder(self._open[-1], name))
            self._names.append(name)

    def _leave_to(self, depth: int) -> None:
        while len(self._names) > depth:
            os.close(self._open.pop())
            self._names.pop()


def _open_folder(parent: int, name: bytes) -> int:
    for _ in range(_TRIES):
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
            descriptor = os.open(name, _OPEN_FOLDER, dir_fd=parent)
        except FileExistsError:
            with suppress(OSError):
                return os.open(name, _OPEN_FOLDER, dir_fd=parent)
            _remove(parent, name)
        else:
            os.fchmod(descriptor, 0o755)
            return descriptor
    raise FileExistsError(os.fsdecode(name))


def _create(parent: int, name: bytes, mode: int) -> int:
    for _ in range(_TRIES):
        with suppress(FileExistsError):
            return os.open(name, _NEW_FILE, mode, dir_fd=parent)
        _remove(parent, name)
    raise FileExistsError(os.fsdecode(name))


def _remove(parent: int, name: bytes) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        _remove_folder(parent, name)


def _remove_folder(parent: int, name: bytes) -> None:
    """Without recursion: a job may nest folders deeper than we may call, and than there are descriptors. Each folder
    within is moved up beside `name` before its turn comes."""
    waiting = [name]
    while waiting:
        current = waiting.pop()
        with _opened(parent, current) as descriptor:
            for entry in _names(descriptor):
                try:
                    os.unlink(entry, dir_fd=descriptor)
                except IsADirectoryError:
                    moved = f".removed-{secrets.token_hex(8)}".encode()
                    os.rename(entry, moved, src_dir_fd=descriptor, dst_dir_fd=parent)
                    waiting.append(moved)
        os.rmdir(current, dir_fd=parent)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as found:
        return [entry.name for entry in found]


@contextmanager
def _opened(parent: int, name: bytes) -> Iterator[int]:
    descriptor = os.open(name, _OPEN_FOLDER, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def copy_rest(source: int, target: int) -> None:
    try:
        while os.copy_file_range(source, target, 1 << 30):
            pass
    except OSError:
        # Not between these two file systems, or not for this kind of file: copy what is left by hand.
        while chunk := os.read(source, 1 << 20):
            write_all(target, chunk)
