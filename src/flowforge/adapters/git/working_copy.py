"""The port `Sources` on a person's own folder: as it is on disk, what is not committed included."""

import os
import stat
from pathlib import Path

from flowforge.adapters.git.dot_git import write_dot_git
from flowforge.adapters.git.folder import Folder
from flowforge.adapters.git.history import history
from flowforge.adapters.git.index_file import Tracked
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.objects import Objects
from flowforge.adapters.git.own_folder import OwnFolder, Repository
from flowforge.adapters.git.place import Commit, place_commit
from flowforge.adapters.git.revision import checked_commit
from flowforge.adapters.git.workers import Abort, Workers
from flowforge.errors import BadInput, SourceUnavailable
from flowforge.model.source import Source

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class WorkingCopySources:
    """`Source.origin` is a folder; an empty commit means what stands in it now."""

    def __init__(self, limits: GitLimits | None = None, *, at_once: int = 2) -> None:
        self._limits = limits or GitLimits()
        self._workers = Workers(at_once)

    async def place(self, source: Source, into: Path) -> str:
        folder = Path(source.origin)
        try:
            commit = checked_commit(source.commit)
        except BadInput as error:
            raise SourceUnavailable(error.message, final=True) from error

        def work(abort: Abort) -> str:
            if not folder.is_absolute() or not folder.is_dir():
                raise SourceUnavailable(f"{source.origin!a} is not a folder on this machine", final=True)
            own = OwnFolder(path=folder.resolve(), abort=abort, leave_out=into.resolve())
            return self._place(own, commit, source.ref, into)

        return await self._workers.run(work, self._limits.place_seconds)

    def close(self) -> None:
        self._workers.close()

    def _place(self, own: OwnFolder, commit: str, ref: str, into: Path) -> str:
        repository = own.repository()
        if not commit:
            return self._copy(own, repository, into)
        if repository is None:
            raise SourceUnavailable("the folder is not a git repository's", final=True)
        objects = Objects(repository=repository.folder, abort=own.abort, limits=self._limits)
        return place_commit(Commit(objects=objects, commit=commit, ref=ref), into)

    def _copy(self, own: OwnFolder, repository: Repository | None, into: Path) -> str:
        try:
            with Folder(into) as folder:
                count = sum(_copied(own.path, path, folder) for path in own.files())
                note = self._remember(own, repository, folder)
        except OSError as error:
            raise SourceUnavailable(f"the files cannot be copied: {error.strerror or error}") from error
        return f"{count} files of the folder as it is{note}"

    def _remember(self, own: OwnFolder, repository: Repository | None, folder: Folder) -> str:
        """A history that cannot be copied is no reason not to run: most steps never look at it."""
        if repository is None or not repository.commit:
            return ""
        objects = Objects(repository=repository.folder, abort=own.abort, limits=self._limits)
        try:
            tracked = [
                Tracked(path=entry.path, id=entry.id, mode=int(entry.kind.value, 8), found=None)
                for entry in objects.listing(repository.commit)
            ]
            with history(objects, repository.commit) as past:
                write_dot_git(folder, past, repository.commit, repository.ref, tracked)
        except (SourceUnavailable, BadInput) as error:
            own.abort.check()
            return f", without its history ({error})"
        return f", over commit {repository.commit[:12]}"


def _copied(root: Path, path: bytes, folder: Folder) -> int:
    """How many files that made: none where the file went away, or is neither a file nor a link."""
    where = os.fsencode(root) + b"/" + path
    try:
        found = os.lstat(where)
        if stat.S_ISLNK(found.st_mode):
            folder.link(path, os.readlink(where))  # noqa: PTH115 - names need not be text
            return 1
        if not stat.S_ISREG(found.st_mode):
            return 0
        source = os.open(where, _READ)
    except FileNotFoundError:
        return 0
    try:
        folder.copy(path, 0o755 if found.st_mode & stat.S_IXUSR else 0o644, source)
    finally:
        os.close(source)
    return 1
