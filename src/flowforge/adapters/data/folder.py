"""The data folder."""

import fcntl
import os
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOMY = 1024**3
"""Bytes that must be free in memory for unmasked output to be kept there instead of on the disk."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    path: Path

    def prepare(self) -> None:
        """Make what is missing; nobody but the server's own user reads any of it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.keys, self.run_logs, self.mirrors, self.spool):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def master_keys(self) -> Path:
        return self.keys / "master.keys"

    @property
    def run_logs(self) -> Path:
        return self.path / "logs" / "runs"

    @property
    def mirrors(self) -> Path:
        return self.path / "mirrors"

    @property
    def spool(self) -> Path:
        return self.path / "spool"

    @property
    def local_token(self) -> Path:
        return self.path / "local.token"

    @property
    def is_named(self) -> bool:
        """False until its first server asked for its name."""
        return (self.path / "instance").exists()

    def instance(self) -> str:
        """Names this folder for ever, so that no two servers on one engine take the other's containers for theirs."""
        return _kept(self.path / "instance", lambda: uuid.uuid4().hex)

    def webhook_secret(self) -> str:
        return _kept(self.keys / "webhook.secret", lambda: secrets.token_urlsafe(32))

    def capability_key(self) -> str:
        """What capabilities are sealed with."""
        return _kept(self.keys / "capability.key", lambda: secrets.token_urlsafe(32))

    def rooms(self, memory: Path = Path("/dev/shm")) -> Path:  # noqa: S108  made private below, refused if it is not ours
        """Where unmasked output lives until it was masked: in memory where there is room, so that it never meets a disk."""
        folder = memory / f"flowforge-{self.instance()}"
        if _is_roomy(memory) and _made_ours(folder):
            return folder
        fallback = self.path / "rooms"
        fallback.mkdir(mode=0o700, exist_ok=True)
        return fallback

    def leave_rooms(self, memory: Path = Path("/dev/shm")) -> None:  # noqa: S108  as above
        """Where no room is left in memory, nothing of ours is."""
        with suppress(OSError):
            (memory / f"flowforge-{self.instance()}").rmdir()

    @contextmanager
    def locked(self, name: str) -> Iterator[bool]:
        """False where another process holds the lock of this name; the kernel lets go of it when its holder dies."""
        descriptor = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def write_private(self, path: Path, text: str) -> None:
        """Whole or not at all, on the disk when this returns, and its owner's alone."""
        _write(path, text)

    def write_local_token(self, token: str) -> None:
        _write(self.local_token, token)

    def remove_local_token(self) -> None:
        self.local_token.unlink(missing_ok=True)


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The file's word, made at the first call. Of two who make it at once, both get the same."""
    while True:
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            _write(draft, make())
            try:
                os.link(draft, path)
            except FileExistsError:
                continue
            finally:
                draft.unlink()


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _is_roomy(memory: Path) -> bool:
    try:
        there = os.statvfs(memory)
    except OSError:
        return False
    return there.f_bavail * there.f_frsize >= ROOMY


def _made_ours(folder: Path) -> bool:
    """The place is everybody's, so what stands there under our name counts only if it is ours alone."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return (
        folder.is_dir()
        and not folder.is_symlink()
        and found.st_uid == os.geteuid()
        and found.st_mode & 0o077 == 0
    )
