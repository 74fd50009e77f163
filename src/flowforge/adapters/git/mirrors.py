"""The port `Mirrors` on git itself."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowforge.adapters.git.changes import Pair, changed_paths
from flowforge.adapters.git.clone_url import CloneUrl, LocalRepositories, parse_clone_url
from flowforge.adapters.git.command import Git, Result
from flowforge.adapters.git.environment import sealed_environment
from flowforge.adapters.git.fetch import Damaged, Fetch
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.mirror import Mirror
from flowforge.adapters.git.reach import Resolve, resolve_with_system
from flowforge.adapters.git.remote import Credentials, way_to
from flowforge.adapters.git.revision import checked_commit, checked_path, checked_ref, is_short
from flowforge.adapters.git.tree import EntryKind, entries
from flowforge.errors import BadInput, SourceUnavailable, TooLarge

_OLDEST_GIT = (2, 37)
"""The first that takes a pinned address (`http.curloptResolve`)."""

_WORTH_KEEPING = 256 * 1024
_KEPT = 16
"""Files that were read lately, a config most of them: a push, its tag, its pull request and each re-run are of one commit,
whose id says what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorPolicy:
    """`trusted` holds `host[:port]` of forges that may be private and speak plain HTTP."""

    trusted: frozenset[str] = frozenset()
    local: LocalRepositories = LocalRepositories.REFUSE
    limits: GitLimits = field(default_factory=GitLimits)


async def no_credentials(_url: str, _origin: str) -> None:
    return None


class GitMirrors:
    def __init__(
        self,
        folder: Path,
        policy: MirrorPolicy,
        credentials: Credentials = no_credentials,
        *,
        resolve: Resolve = resolve_with_system,
        git: Git | None = None,
    ) -> None:
        self._folder = folder.absolute()
        self._policy = policy
        self._credentials = credentials
        self._resolve = resolve
        self._git = git or Git()
        self._version: tuple[int, ...] = ()
        self._read: dict[tuple[Path, str, str], bytes | None] = {}

    async def fetch(self, url: str, commit: str, ref: str) -> str:
        parsed = self._parse(url)
        checked_ref(ref)
        if not (is_short(commit) and ref):
            checked_commit(commit)
        mirror = Mirror(self._folder, parsed.text)
        if known := mirror.held(commit):
            return known
        limits = self._policy.limits
        try:
            async with mirror.locked(limits.fetch_seconds):
                return mirror.held(commit) or await self._bring(mirror, parsed, commit, ref)
        except TimeoutError as error:
            raise SourceUnavailable("another fetch of this repository takes too long") from error
        except OSError as error:
            raise SourceUnavailable(f"the mirrors cannot be written: {error.strerror or error}") from error

    async def reaches(self, url: str, ref: str, commit: str) -> bool:
        """A commit that did not come with the ref is no ancestor of its tip, whatever else the mirror holds."""
        checked_commit(commit)
        tip = await self.fetch(url, "", ref)
        arguments = ("merge-base", "--is-ancestor", "--end-of-options", commit, tip)
        environment = sealed_environment(self.repository(url))
        found = await self._git.run(arguments, environment, seconds=self._policy.limits.read_seconds)
        return found.code == 0

    async def read(self, url: str, commit: str, path: str) -> bytes | None:
        mirror = self._mirror(url, commit)
        if not checked_path(path):
            raise BadInput("a file's path is wanted", field="path")
        place = (mirror.path, commit, path)
        if place not in self._read:
            content = await self._content(mirror, commit, path)
            if content is not None and len(content) > _WORTH_KEEPING:
                return content
            self._read[place] = content
            while len(self._read) > _KEPT:
                del self._read[next(iter(self._read))]
        return self._read[place]

    async def _content(self, mirror: Mirror, commit: str, path: str) -> bytes | None:
        found = await self._ask(mirror, ("ls-tree", "-z", "-l", "--end-of-options", commit, path))
        entry = next(entries(found.output), None)
        if entry is None or entry.kind in (EntryKind.FOLDER, EntryKind.SUBMODULE):
            return None
        if entry.kind is EntryKind.LINK:
            raise BadInput("the path is a link, and links are not followed", field="path")
        most = self._policy.limits.read_bytes
        if entry.size > most:
            raise TooLarge("the file", most)
        return (await self._ask(mirror, ("cat-file", "blob", entry.id), most=most)).output

    async def list(self, url: str, commit: str, folder: str) -> Sequence[str]:
        mirror = self._mirror(url, commit)
        inside = (f"{checked_path(folder)}/",) if folder else ()
        arguments = ("ls-tree", "-z", "-l", "--end-of-options", commit, *inside)
        found = await self._ask(mirror, arguments, most=self._policy.limits.list_bytes)
        files = (e.path for e in entries(found.output) if e.kind in (EntryKind.FILE, EntryKind.EXECUTABLE))
        return tuple(path.decode() for path in files if _is_utf8(path))

    async def changed(self, url: str, commit: str, base_url: str, base: str) -> Sequence[str] | None:
        mirror, home = self._mirror(url, commit), self.repository(base_url)
        is_ref = base.startswith("refs/")
        try:
            known = await self.fetch(base_url, "" if is_ref else base, base if is_ref else "")
        except SourceUnavailable:
            return None
        pair = Pair(mirror=mirror.path, home=home, base=known, commit=commit)
        return await changed_paths(self._git, pair, self._policy.limits)

    def repository(self, url: str) -> Path:
        """Where the mirror of a clone URL is, for those who place files from it."""
        return Mirror(self._folder, self._parse(url).text).path

    def _parse(self, url: str) -> CloneUrl:
        return parse_clone_url(url, self._policy.trusted, self._policy.local)

    def _mirror(self, url: str, commit: str) -> Mirror:
        mirror = Mirror(self._folder, self._parse(url).text)
        if not mirror.held(checked_commit(commit)):
            raise SourceUnavailable("the commit was not fetched")
        return mirror

    async def _bring(self, mirror: Mirror, url: CloneUrl, commit: str, ref: str) -> str:
        await self._check_version()
        remote = await way_to(url, self._credentials, self._resolve)
        fetch = Fetch(git=self._git, mirror=mirror, remote=remote, limits=self._policy.limits)
        object_format = "sha256" if len(commit) == 64 else "sha1"
        await mirror.create(self._git, object_format)
        try:
            return await fetch.bring(commit, ref)
        except Damaged:
            await asyncio.to_thread(mirror.set_aside)
        await mirror.create(self._git, object_format)
        try:
            return await fetch.bring(commit, ref)
        except Damaged as error:
            raise SourceUnavailable(f"the repository cannot be fetched: {error}") from error

    async def _ask(self, mirror: Mirror, arguments: Sequence[str], most: int = 1 << 16) -> Result:
        seconds = self._policy.limits.read_seconds
        environment = sealed_environment(mirror.path)
        result = await self._git.run(arguments, environment, seconds=seconds, most=most)
        if result.code != 0 and not result.cut:
            result = await self._ask_again(mirror, arguments, most)
        if result.cut:
            raise TooLarge("what was asked of the repository", most)
        if result.code != 0:
            raise SourceUnavailable("the mirror is damaged; it was set aside and will be fetched anew")
        return result

    async def _ask_again(self, mirror: Mirror, arguments: Sequence[str], most: int) -> Result:
        """Alone with the mirror, which is set aside when it still does not answer."""
        seconds = self._policy.limits.read_seconds
        try:
            async with mirror.locked(seconds):
                result = await self._git.run(
                    arguments, sealed_environment(mirror.path), seconds=seconds, most=most
                )
                if result.code > 0:
                    await asyncio.to_thread(mirror.set_aside)
        except TimeoutError as error:
            raise SourceUnavailable("another fetch of this repository takes too long") from error
        return result

    async def _check_version(self) -> None:
        if not self._version:
            said = await self._git.run(("version",), sealed_environment(), seconds=30)
            numbers = re.search(rb"(\d+)\.(\d+)", said.output)
            self._version = tuple(map(int, numbers.groups())) if numbers else (0,)
        if self._version < _OLDEST_GIT:
            raise SourceUnavailable("git 2.37 or newer is needed to fetch repositories safely", final=True)


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
