"""What a person's own folder holds: which files count, and which repository stands behind them."""

import os
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowforge.adapters.git.environment import personal_environment
from flowforge.adapters.git.workers import Abort

_VERSION_CONTROL = frozenset({b".git", b".hg", b".svn", b".jj"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """`folder` is the git directory that holds the objects; `commit` is empty before the first one."""

    folder: Path
    commit: str
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFolder:
    """`leave_out` is a folder whose files never count: the place they are copied to, when that lies inside."""

    path: Path
    abort: Abort
    leave_out: Path

    def repository(self) -> Repository | None:
        """None without git, and for a folder inside a repository: its files alone are no work tree of it."""
        where = self._ask("rev-parse", "--path-format=absolute", "--git-common-dir", "--show-cdup")
        if where is None or b"\n../" in where:
            return None
        commit = self._ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}") or b""
        ref = self._ask("symbolic-ref", "--quiet", "HEAD") or b""
        folder = Path(os.fsdecode(where.split(b"\n")[0]))
        return Repository(folder=folder, commit=commit.decode().strip(), ref=os.fsdecode(ref).strip())

    def files(self) -> Iterator[bytes]:
        """Everything that git tracks or would offer to add and that is there; without git everything."""
        listed = self._ask("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        if listed is None:
            yield from self._below(b"")
            return
        for path in sorted({*listed.split(b"\0")} - {b""}):
            if path.endswith(b"/") or self._kind(path) == stat.S_IFDIR:
                yield from self._below(path.rstrip(b"/"))
            elif self._counts(path) and self._is_reached_without_links(path):
                yield path

    def _below(self, folder: bytes) -> Iterator[bytes]:
        """A repository within the repository too: its files are what its own checkout placed there."""
        for entry in self._entries(folder):
            path = folder + b"/" + entry.name if folder else entry.name
            if entry.name in _VERSION_CONTROL or not self._counts(path):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(path)
            else:
                yield path

    def _entries(self, folder: bytes) -> Sequence[os.DirEntry[bytes]]:
        """None of a folder that went away since it was listed: a person's folder lives on while it is copied."""
        try:
            with os.scandir(self._where(folder) if folder else os.fsencode(self.path)) as found:
                return sorted(found, key=lambda entry: entry.name)
        except FileNotFoundError:
            return ()

    def _where(self, path: bytes) -> bytes:
        return os.fsencode(self.path) + b"/" + path

    def _counts(self, path: bytes) -> bool:
        self.abort.check()
        return not (self._where(path) + b"/").startswith(os.fsencode(self.leave_out) + b"/")

    def _is_reached_without_links(self, path: bytes) -> bool:
        """git counts a tracked file as deleted once a folder on its way became a link."""
        parts = path.split(b"/")[:-1]
        return all(self._kind(b"/".join(parts[: n + 1])) == stat.S_IFDIR for n in range(len(parts)))

    def _kind(self, path: bytes) -> int:
        try:
            return stat.S_IFMT(os.lstat(self._where(path)).st_mode)
        except OSError:
            return 0

    def _ask(self, *arguments: str) -> bytes | None:
        """None when git has no answer, or is not there."""
        command: Sequence[str] = ("git", *arguments)
        try:
            process = subprocess.Popen(
                command, env=personal_environment(), cwd=self.path, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except FileNotFoundError:
            return None
        with self.abort.guarding(process):
            output, _ = process.communicate()
            self.abort.check()
            return output if process.returncode == 0 else None
