"""Writes a commit's files into a folder without git's own checkout, which runs filters and hooks and follows links."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowforge.adapters.git.commit_shelf import CommitShelf, WholeCommit, is_small
from flowforge.adapters.git.dot_git import write_dot_git
from flowforge.adapters.git.folder import Folder
from flowforge.adapters.git.history import history
from flowforge.adapters.git.index_file import Tracked
from flowforge.adapters.git.objects import Objects
from flowforge.adapters.git.tree import Entry, EntryKind
from flowforge.errors import SourceUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """`repository` is the git directory that holds it; `ref` tells how it is called, where that is known."""

    objects: Objects
    commit: str
    ref: str = ""


def place_commit(commit: Commit, into: Path, shelf: CommitShelf | None = None) -> str:
    """Blocking. Answers one line that says what was placed."""
    whole = _whole(commit, shelf) if shelf else None
    listed = whole.listed if whole else commit.objects.listing(commit.commit)
    try:
        with Folder(into) as folder:
            tracked = _write(folder, commit.objects, listed, whole)
            with history(commit.objects, commit.commit) as past:
                write_dot_git(folder, past, commit.commit, commit.ref, tracked)
    except OSError as error:
        raise SourceUnavailable(f"the files cannot be written: {error.strerror or error}") from error
    name = f" ({commit.ref})" if commit.ref else ""
    return f"{len(listed)} files of commit {commit.commit[:12]}{name}"


def _whole(commit: Commit, shelf: CommitShelf) -> WholeCommit | None:
    """None for one that is too large to be kept."""
    objects = commit.objects
    if found := shelf.find(objects.repository, commit.commit):
        return found
    listed = objects.listing(commit.commit)
    if not is_small(listed):
        return None
    with objects.blobs(_with_content(listed)) as blobs:
        contents = [
            b"" if entry.kind is EntryKind.SUBMODULE else b"".join(blobs.take(entry)) for entry in listed
        ]
    whole = WholeCommit(listed=listed, contents=contents)
    shelf.keep(objects.repository, commit.commit, whole)
    return whole


def _with_content(listed: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in listed if entry.kind is not EntryKind.SUBMODULE]


def _write(
    folder: Folder, objects: Objects, listed: Sequence[Entry], whole: WholeCommit | None
) -> list[Tracked]:
    if whole:
        pairs = zip(listed, whole.contents, strict=True)
        return [_written(folder, (content,), objects, entry) for entry, content in pairs]
    with objects.blobs(_with_content(listed)) as blobs:
        return [_written(folder, blobs.take(entry), objects, entry) for entry in listed]


def _written(folder: Folder, content: Iterable[bytes], objects: Objects, entry: Entry) -> Tracked:
    """Of a submodule there is no content to be read."""
    objects.abort.check()
    if entry.kind is EntryKind.SUBMODULE:
        folder.folder(entry.path)
        found = None
    elif entry.kind is EntryKind.LINK:
        found = folder.link(entry.path, b"".join(content))
    else:
        found = folder.file(entry.path, 0o755 if entry.kind is EntryKind.EXECUTABLE else 0o644, content)
    return Tracked(path=entry.path, id=entry.id, mode=int(entry.kind.value, 8), found=found)
