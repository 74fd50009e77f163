"""A commit as one stream for a machine that has no way to the repository: the tar of a bare repository with nothing else.

No repository of somebody else's making is unpacked anywhere: both ends know the few names that may be in it.
"""

import os
import re
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

from flowforge.adapters.git.history import History, history
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.mirrors import GitMirrors
from flowforge.adapters.git.objects import Objects
from flowforge.adapters.git.workers import Abort, Workers
from flowforge.errors import BadInput, SourceUnavailable
from flowforge.model.source import Source

CHUNK = 256 * 1024
_PACK = re.compile(r"objects/pack/pack-[0-9a-f]{40,64}\.(pack|idx|rev)")
_REFS = "packed-refs"
_SHALLOW = "shallow"
_LARGEST_LIST = 16 * 1024 * 1024


class MirrorPacks:
    """The port `SourcePacks` on mirrors."""

    def __init__(self, mirrors: GitMirrors, limits: GitLimits | None = None, *, at_once: int = 2) -> None:
        self._mirrors = mirrors
        self._limits = limits or GitLimits()
        self._workers = Workers(at_once)

    async def read(self, source: Source) -> AsyncIterator[bytes]:
        try:
            commit = await self._mirrors.fetch(source.origin, source.commit, source.ref)
            repository = self._mirrors.repository(source.origin)
        except BadInput as error:
            raise SourceUnavailable(error.message, final=True) from error

        def work(abort: Abort) -> IO[bytes]:
            objects = Objects(
                repository=repository, abort=abort, limits=self._limits, scratch=repository.parent
            )
            return packed(objects, commit)

        with await self._workers.run(work, self._limits.place_seconds) as file:
            while chunk := await self._workers.run(lambda _: file.read(CHUNK), self._limits.read_seconds):
                yield chunk

    def close(self) -> None:
        self._workers.close()


def packed(objects: Objects, commit: str) -> IO[bytes]:
    """A file without a name, at its beginning. Blocking."""
    file = tempfile.TemporaryFile(dir=objects.scratch)  # noqa: SIM115  the caller's
    try:
        with history(objects, commit) as past, tarfile.open(fileobj=file, mode="w|", bufsize=CHUNK) as tar:
            for name, descriptor in past.packs:
                _add_file(tar, f"objects/pack/{name}", descriptor)
            _add(tar, _REFS, _refs(past))
            _add(tar, _SHALLOW, past.shallow)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def unpack(stream: IO[bytes], into: Path, most: int) -> None:
    """Fill a new bare repository. Raises `SourceUnavailable` for anything that `packed` does not make."""
    left = most
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=CHUNK) as tar:
            for member in tar:
                left -= member.size
                if not member.isreg() or not _may_be(member.name) or left < 0:
                    raise SourceUnavailable("what the server sent is no commit", final=True)
                taken = tar.extractfile(member)
                if taken is not None:
                    _write(into / member.name, iter(lambda taken=taken: taken.read(CHUNK), b""))  # type: ignore[misc]
    except tarfile.TarError as error:
        raise SourceUnavailable(f"what the server sent ended early: {error}") from error


def _may_be(name: str) -> bool:
    return name in (_REFS, _SHALLOW) or _PACK.fullmatch(name) is not None


def _write(path: Path, chunks: Iterator[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb", opener=_private) as file:
        file.writelines(chunks)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _add_file(tar: tarfile.TarFile, name: str, descriptor: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = os.fstat(descriptor).st_size
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        tar.addfile(entry, file)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    if content and len(content) <= _LARGEST_LIST:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, BytesIO(content))


def _refs(past: History) -> bytes:
    return "".join(f"{target} {name}\n" for name, target in sorted(past.refs)).encode(
        errors="surrogateescape"
    )
