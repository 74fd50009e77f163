"""The host's end of a room's control folder.

The job may be root in its container and so may write here: everything is opened relative to one descriptor of the
folder, following no link, and only regular files of a bounded size are believed.
"""

import fcntl
import os
import secrets
import stat
from pathlib import Path

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
RECORD_LIMIT = 1 << 20


class Tampered(Exception):
    """Something in the control folder is not what the supervisor makes. `args[0]` is a sentence."""


class RoomFolder:
    """Blocking: call from a worker thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    @classmethod
    def make(cls, path: Path) -> "RoomFolder":
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(path)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def has(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise Tampered(f"{name} in the job's control folder cannot be looked at") from error
        return True

    def begun(self) -> bool:
        """The supervisor has taken the plan, at some time."""
        return self.has("alive")

    def alive(self) -> bool:
        """A supervisor lives, at work or waiting for a plan: it holds its locks until its process is gone, however it
        goes."""
        return self._locked("alive") or self._locked("warm")

    def _locked(self, name: str) -> bool:
        try:
            fd = os.open(name, READ, dir_fd=self.fd)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def read(self, name: str) -> bytes | None:
        """None where there is no such file. Raises `Tampered` for one that is not a small regular file."""
        try:
            fd = os.open(name, READ, dir_fd=self.fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Tampered(f"{name} in the job's control folder is not a file") from error
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_size > RECORD_LIMIT:
                raise Tampered(f"{name} in the job's control folder is not what was written there")
            return os.read(fd, RECORD_LIMIT)
        finally:
            os.close(fd)

    def write(self, name: str, data: bytes) -> None:
        """Whole or not at all, in place of what stands there. Raises `Tampered` where something is in the way; a job
        cannot lay it in the draft's way, whose name it cannot guess."""
        draft = f".{secrets.token_hex(8)}.draft"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(draft, flags, 0o600, dir_fd=self.fd), "wb") as file:
                file.write(data)
            os.rename(draft, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        except OSError as error:
            raise Tampered(
                f"{name} cannot be written to the job's control folder: {error.strerror}"
            ) from error

    def remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self.fd)
        except FileNotFoundError:
            return
