"""The port `Sources` on a machine that holds no key to any repository: the server sends each commit once."""

import asyncio
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.objects import Objects
from flowforge.adapters.git.place import Commit, place_commit
from flowforge.adapters.git.source_pack import unpack
from flowforge.adapters.git.workers import Abort, Workers
from flowforge.errors import FlowForgeError, SourceUnavailable, Upstream
from flowforge.model.source import Source

Fetch = Callable[[str], AsyncIterator[bytes]]
"""Takes a source's origin, which is a capability of the server's."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SHALLOW_ROOM = 1 << 20


class RemoteSources:
    """Commits are kept in `folder`, the newest `keep` of them, one bare repository each."""

    def __init__(
        self, folder: Path, fetch: Fetch, limits: GitLimits | None = None, *, keep: int = 20, at_once: int = 4
    ) -> None:
        self._folder = folder.absolute()
        self._fetch = fetch
        self._limits = limits or GitLimits()
        self._keep = keep
        self._workers = Workers(at_once)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._in_use: defaultdict[str, int] = defaultdict(int)

    async def place(self, source: Source, into: Path) -> str:
        commit = source.commit
        if _COMMIT.fullmatch(commit) is None:
            raise SourceUnavailable("the server named no commit", final=True)
        self._in_use[commit] += 1
        try:
            async with self._turns[commit]:
                repository = await self._here(source)
            return await self._workers.run(
                lambda abort: place_commit(self._commit(repository, abort, source), into),
                self._limits.place_seconds,
            )
        finally:
            self._in_use[commit] -= 1
            if not self._in_use[commit]:
                del self._in_use[commit], self._turns[commit]

    def close(self) -> None:
        self._workers.close()

    def _commit(self, repository: Path, abort: Abort, source: Source) -> Commit:
        objects = Objects(repository=repository, abort=abort, limits=self._limits, scratch=self._folder)
        return Commit(objects=objects, commit=source.commit, ref=source.ref)

    async def _here(self, source: Source) -> Path:
        kept = self._folder / f"{source.commit}.git"
        if kept.is_dir():
            kept.touch()
            return kept
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder) as file:
                await self._bring(source, file)
                await self._workers.run(
                    lambda _: self._open(file, source.commit, kept), self._limits.place_seconds
                )
        except OSError as error:
            raise SourceUnavailable(f"the commit cannot be kept: {error.strerror or error}") from error
        return kept

    async def _bring(self, source: Source, file: IO[bytes]) -> None:
        size = 0
        try:
            async with asyncio.timeout(self._limits.fetch_seconds):
                async for chunk in self._fetch(source.origin):
                    size += len(chunk)
                    self._expect_room(size)
                    file.write(chunk)
        except TimeoutError as error:
            raise SourceUnavailable(
                f"the server took longer than {self._limits.fetch_seconds:g} s to send the commit"
            ) from error
        except SourceUnavailable:
            raise
        except Upstream as error:
            raise SourceUnavailable(f"the server does not send the commit: {error.message}") from error
        except FlowForgeError as error:
            raise SourceUnavailable(f"the server refuses the commit: {error.message}", final=True) from error

    def _expect_room(self, size: int) -> None:
        if size > self._limits.fetch_bytes + _SHALLOW_ROOM:
            raise SourceUnavailable("quota: the commit is too large", final=True)

    def _open(self, file: IO[bytes], commit: str, kept: Path) -> None:
        """It appears by renaming, whole."""
        file.seek(0)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        try:
            unpack(file, fresh, self._limits.fetch_bytes)
            wide = len(commit) == 64
            extension = "[extensions]\n\tobjectformat = sha256\n" if wide else ""
            (fresh / "config").write_text(
                f"[core]\n\trepositoryformatversion = {int(wide)}\n\tbare = true\n{extension}"
            )
            (fresh / "HEAD").write_text(f"{commit}\n")
            (fresh / "refs").mkdir()
            fresh.rename(kept)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        self._forget_old()

    def _forget_old(self) -> None:
        """Oldest use first, never one that is being placed."""
        kept = sorted(self._folder.glob("*.git"), key=_used, reverse=True)
        for old in kept[self._keep :]:
            if old.stem not in self._in_use:
                shutil.rmtree(old, ignore_errors=True)


def _used(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0
