"""One mirror's folder: how it comes to be, who may change it, what it is known to hold, and how it is given up."""

import asyncio
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from flowforge.adapters.git.command import Git
from flowforge.adapters.git.environment import sealed_environment
from flowforge.errors import SourceUnavailable

_LOCK_POLL_SECONDS = 0.05
_INIT_SECONDS = 30
_ABANDONED = ("*.lock", "refs/**/*.lock", "objects/pack/tmp_*", "objects/??/tmp_*")
"""What a killed git leaves behind and trips over, or what only takes room."""


class Mirror:
    """`path` is a bare repository once `create` was called. A commit counts as held when its marker exists, which is
    written after git checked that everything the commit needs had come."""

    def __init__(self, folder: Path, url: str) -> None:
        self.path = folder / f"{hashlib.sha256(url.encode()).hexdigest()}.git"
        self._marks = self.path / "flowforge"
        self._lock_file = self.path.with_suffix(".lock")

    def held(self, revision: str) -> str:
        """The full commit id behind a commit or tag id, empty when it was not fetched yet."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return (self._marks / revision).read_text("ascii") if revision else ""
        return ""

    def mark(self, revision: str, commit: str) -> None:
        """A marker is never seen half written."""
        self._marks.mkdir(exist_ok=True)
        temporary = self._marks / f".{secrets.token_hex(8)}"
        temporary.write_text(commit, "ascii")
        temporary.replace(self._marks / revision)

    @asynccontextmanager
    async def locked(self, seconds: float) -> AsyncIterator[None]:
        """Against other tasks and other processes; the kernel lets go of it when its holder dies."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            async with asyncio.timeout(seconds):
                while not _try_lock(descriptor):  # noqa: ASYNC110 - another process may hold it
                    await asyncio.sleep(_LOCK_POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)

    async def create(self, git: Git, object_format: str) -> None:
        """A new one appears by renaming, so that there is never half a mirror. Only under the lock."""
        if (self.path / "HEAD").exists():
            self._clear_abandoned()
            return
        await asyncio.to_thread(self.set_aside)
        fresh = self.path.with_suffix(f".new-{secrets.token_hex(4)}")
        options = ("--bare", "--quiet", "--template=", f"--object-format={object_format}")
        try:
            made = await git.run(
                ("init", *options, "--", str(fresh)), sealed_environment(), seconds=_INIT_SECONDS
            )
            if made.code != 0:
                raise SourceUnavailable(f"no mirror can be made: {made.error}")
            fresh.rename(self.path)
        finally:
            await asyncio.to_thread(shutil.rmtree, fresh, ignore_errors=True)

    def set_aside(self) -> None:
        """Kept once, for a look at what happened; readers that have it open may finish."""
        if not self.path.exists():
            return
        broken = self.path.with_suffix(".broken")
        shutil.rmtree(broken, ignore_errors=True)
        self.path.rename(broken)

    def size(self) -> int:
        total = 0
        for folder, _, names in os.walk(self.path / "objects"):
            for name in names:
                with suppress(FileNotFoundError):
                    total += (Path(folder) / name).stat().st_size
        return total

    def _clear_abandoned(self) -> None:
        for pattern in _ABANDONED:
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
