"""Where a workspace's files come from."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from flowforge.model.source import Source


class Sources(Protocol):
    """Brings a commit's files into a workspace."""

    async def place(self, source: Source, into: Path) -> str:
        """Write the source's files below the folder `into`, which exists, replacing what stands in their way and
        following no link below it. Answers one line that says what was placed. May be repeated. Raises `SourceUnavailable`."""
        ...


class SourcePacks(Protocol):
    """Hands a commit to a machine that has no way to its repository."""

    def read(self, source: Source) -> AsyncIterator[bytes]:
        """The commit with its history, for a runner's `Sources`. Raises `SourceUnavailable`, also in between."""
        ...


class Mirrors(Protocol):
    """Bare copies of repositories, one for each clone URL. No work tree is ever made here."""

    async def fetch(self, url: str, commit: str, ref: str) -> str:
        """Make the commit available (the ref's tip when `commit` is empty) and answer its full id. With a ref, twelve
        digits or more of a commit's id are enough. Raises `SourceUnavailable`, `BadInput` for a URL, commit or ref that
        is not one."""
        ...

    async def reaches(self, url: str, ref: str, commit: str) -> bool:
        """Whether a commit, named by its full id, is the ref's tip or one of its ancestors now; an empty ref is the
        repository's own HEAD. Raises `SourceUnavailable`, `BadInput` as `fetch` does."""
        ...

    async def read(self, url: str, commit: str, path: str) -> bytes | None:
        """A regular file's content at a fetched commit; None where there is none. A link or a file over the config
        limit raises `BadInput`."""
        ...

    async def list(self, url: str, commit: str, folder: str) -> Sequence[str]:
        """Paths of the regular files directly in a folder of a fetched commit."""
        ...

    async def changed(self, url: str, commit: str, base_url: str, base: str) -> Sequence[str] | None:
        """Paths that differ between a fetched commit and where it parted from `base`, a commit's id or a full ref of the
        repository at `base_url`: the commit's own, or the one that a fork's commit is proposed to. None where that cannot
        be told: no such base, no common history, too many paths."""
        ...
