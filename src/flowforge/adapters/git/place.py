"""Writes a commit's files into a folder without git's own checkout, which runs filters and hooks and follows links."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowforge.adapters.git.dot_git import write_dot_git
from flowforge.adapters.git.folder import Folder
from flowforge.adapters.git.history import history
from flowforge.adapters.git.index_file import Tracked
from flowforge.adapters.git.objects import Blobs, Objects
from flowforge.adapters.git.tree import Entry, EntryKind
from flowforge.errors import SourceUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """`repository` is the git directory that holds it; `ref` tells how it is called, where that is known."""

    objects: Objects
    commit: str
    ref: str = ""


def place_commit(commit: Commit, into: Path) -> str:
    """Blocking. Answers one line that says what was placed."""
    listed = commit.objects.listing(commit.commit)
    try:
        with Folder(into) as folder:
            tracked = _write(folder, commit.objects, listed)
            with history(commit.objects, commit.commit) as past:
                write_dot_git(folder, past, commit.commit, commit.ref, tracked)
    except OSError as error:
        raise SourceUnavailable(f"the files cannot be written: {error.strerror or error}") from error
    name = f" ({commit.ref})" if commit.ref else ""
    return f"{len(listed)} files of commit {commit.commit[:12]}{name}"


def _write(folder: Folder, objects: Objects, listed: Sequence[Entry]) -> list[Tracked]:
    with objects.blobs([entry for entry in listed if entry.kind is not EntryKind.SUBMODULE]) as blobs:
        return [_written(folder, blobs, objects, entry) for entry in listed]


def _written(folder: Folder, blobs: Blobs, objects: Objects, entry: Entry) -> Tracked:
    objects.abort.check()
    if entry.kind is EntryKind.SUBMODULE:
        folder.folder(entry.path)
        found = None
    elif entry.kind is EntryKind.LINK:
        found = folder.link(entry.path, b"".join(blobs.take(entry)))
    else:
        mode = 0o755 if entry.kind is EntryKind.EXECUTABLE else 0o644
        found = folder.file(entry.path, mode, blobs.take(entry))
    return Tracked(path=entry.path, id=entry.id, mode=int(entry.kind.value, 8), found=found)
