"""A fake of the port `Mirrors`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flowforge.errors import BadInput, SourceUnavailable

LINK = "link"
"""Stands for a symbolic link in a `FakeRepository`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeRepository:
    """`commits` maps a commit to its files by path; `refs` a full ref name (`HEAD` too) to a commit. `parents` maps a
    commit to the one before it."""

    commits: Mapping[str, Mapping[str, bytes | str]]
    refs: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)


class FakeMirrors:
    """`fetched` holds what was asked for, in order."""

    def __init__(self, repositories: Mapping[str, FakeRepository]) -> None:
        self.repositories = dict(repositories)
        self.fetched: list[tuple[str, str, str]] = []
        self._held: set[tuple[str, str]] = set()

    async def fetch(self, url: str, commit: str, ref: str) -> str:
        if "://" not in url:
            raise BadInput("the clone URL is not one", field="clone_url")
        short = bool(ref) and 12 <= len(commit) < 40
        if commit.strip("0123456789abcdef") or not (short or len(commit) in (0, 40, 64)):
            raise BadInput("the commit is not 40 or 64 hexadecimal digits", field="commit")
        if ref and not ref.startswith("refs/"):
            raise BadInput("the ref is not a full ref name", field="ref")
        self.fetched.append((url, commit, ref))
        repository = self.repositories.get(url)
        found = repository and (commit or repository.refs.get(ref or "HEAD"))
        if repository and short:
            found = next((full for full in repository.commits if full.startswith(commit)), None)
        if not repository or not found or found not in repository.commits:
            raise SourceUnavailable("the repository does not have it", final=True)
        self._held.add((url, found))
        return found

    async def reaches(self, url: str, ref: str, commit: str) -> bool:
        if commit.strip("0123456789abcdef") or len(commit) not in (40, 64):
            raise BadInput("the commit is not 40 or 64 hexadecimal digits", field="commit")
        found = await self.fetch(url, "", ref)
        while found and found != commit:
            found = self.repositories[url].parents.get(found, "")
        return found == commit

    async def read(self, url: str, commit: str, path: str) -> bytes | None:
        if not path or path.startswith("/") or ".." in path.split("/"):
            raise BadInput("the path does not stay inside the repository", field="path")
        content = self._files(url, commit).get(path)
        if isinstance(content, str):
            raise BadInput("the path is a link, and links are not followed", field="path")
        return content

    async def list(self, url: str, commit: str, folder: str) -> Sequence[str]:
        inside = f"{folder}/" if folder else ""
        return tuple(
            path
            for path, content in sorted(self._files(url, commit).items())
            if path.startswith(inside) and "/" not in path[len(inside) :] and isinstance(content, bytes)
        )

    async def changed(self, url: str, commit: str, base_url: str, base: str) -> Sequence[str] | None:
        """As if every commit stood on every other."""
        files, home = self._files(url, commit), self.repositories[base_url]
        before = home.commits.get(home.refs.get(base, base))
        if before is None:
            return None
        paths = sorted({*files, *before})
        return tuple(path for path in paths if files.get(path) != before.get(path))

    def _files(self, url: str, commit: str) -> Mapping[str, bytes | str]:
        if (url, commit) not in self._held:
            raise SourceUnavailable("the commit was not fetched")
        return self.repositories[url].commits[commit]
