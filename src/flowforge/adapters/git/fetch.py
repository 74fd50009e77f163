"""Brings one commit into a mirror, by its id where the server allows that, else by its ref."""

import asyncio
import hashlib
from dataclasses import dataclass, field

from flowforge.adapters.git.command import Git, Result
from flowforge.adapters.git.environment import sealed_environment
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.mirror import Mirror
from flowforge.adapters.git.remote import Remote
from flowforge.adapters.git.revision import is_short
from flowforge.errors import SourceUnavailable

_WATCH_SECONDS = 0.1
_MOST_PACKS = 20
_REPACK_SECONDS = 600
_LONGEST_REASON = 300

_OPTIONS = (
    "--quiet", "--force", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules",
    "--no-show-forced-updates", "--no-write-commit-graph", "--end-of-options",
)  # fmt: skip

_UNADVERTISED = ("not our ref", "unadvertised object", "no such remote ref", "couldn't find remote ref")
_DAMAGED = (
    "not a git repository", "is corrupt", "is empty", "does not match index", "bad object", "bad index file",
    "unable to read", "inflate:", "packfile", "index file", "is too small", "bad tree object", "bad ref",
    "unable to parse", "hash mismatch", "missing blob", "missing tree", "reference broken", "bad config line",
)  # fmt: skip
_CHECKED = "fatal: fsck error"
"""Which object it is and what is wrong with it stands in the line before."""
_HOPELESS = (
    "not found", "authentication failed", "could not read username", "permission denied", "error: 401",
    "error: 403", "error: 404", "does not appear to be a git repository", "host key verification failed",
    "error: 301", "error: 302", "error: 303", "error: 307", "error: 308",
)  # fmt: skip


class Damaged(Exception):
    """The mirror itself, not the server, is in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Everything about one fetch; used under the mirror's lock."""

    git: Git
    mirror: Mirror
    remote: Remote
    limits: GitLimits
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        sealed = sealed_environment(
            self.mirror.path, settings=self.remote.settings, protocol=self.remote.url.protocol
        )
        object.__setattr__(self, "environment", sealed | dict(self.remote.variables))

    async def bring(self, commit: str, ref: str) -> str:
        """Answers the commit's full id. Raises `Damaged`, or `SourceUnavailable`. No server has a commit by the beginning
        of its id: the ref is fetched, and the commit looked for in what came."""
        if commit and not is_short(commit):
            result = await self._fetch(commit, ref or commit)
            if result.code == 0:
                return await self._settled(commit, commit)
            if not ref or not _says(result, _UNADVERTISED):
                raise self._failure(result)
        result = await self._fetch(ref or "HEAD", ref or "HEAD")
        if result.code != 0:
            raise self._failure(result)
        return await self._settled(commit, commit or _kept_as(ref or "HEAD"))

    async def _fetch(self, wanted: str, kept_under: str) -> Result:
        arguments = ("fetch", *_OPTIONS, self.remote.url.text, f"+{wanted}:{_kept_as(kept_under)}")
        before = self.mirror.size()
        too_much = f"quota: the fetch brought more than {self.limits.fetch_bytes} bytes"

        def is_within_quota() -> bool:
            return self.mirror.size() - before <= self.limits.fetch_bytes

        async def outgrown() -> str:
            while is_within_quota():  # noqa: ASYNC110 - files tell nobody
                await asyncio.sleep(_WATCH_SECONDS)
            return too_much

        result = await self.git.run(
            arguments, self.environment, seconds=self.limits.fetch_seconds, watch=outgrown
        )
        if not is_within_quota():
            raise SourceUnavailable(too_much, final=True)
        return result

    async def _settled(self, wanted: str, revision: str) -> str:
        """Marks what was fetched; `wanted` may be a tag's id, the answer is always a commit's."""
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        found = await self.git.run(arguments, self.environment, seconds=self.limits.read_seconds)
        commit = found.output.decode("ascii").strip()
        if found.code != 0 or not commit:
            raise SourceUnavailable(f"the repository has no commit {wanted or 'there'}", final=True)
        for name in {commit, commit if is_short(wanted) else wanted or commit}:
            self.mirror.mark(name, commit)
        await self._tidy()
        return commit

    async def _tidy(self) -> None:
        """Every fetch adds a pack and each object is looked for in all of them. Nothing is ever dropped here."""
        if len(list(self.mirror.path.glob("objects/pack/*.pack"))) > _MOST_PACKS:
            arguments = ("repack", "--geometric=2", "-d", "-q", "--threads=1")
            await self.git.run(arguments, self.environment, seconds=_REPACK_SECONDS)

    def _failure(self, result: Result) -> Exception:
        reason = self.remote.scrub(_last_reason(result.error))
        if _says(result, _UNADVERTISED):
            return SourceUnavailable(f"the repository does not have it: {reason}", final=True)
        if _says(result, _HOPELESS) and (self.mirror.path / "HEAD").exists():
            return SourceUnavailable(f"the repository cannot be read: {reason}", final=True)
        if _says(result, _DAMAGED):
            return Damaged(reason)
        # What is wrong with an object stays wrong, however often it is asked for.
        return SourceUnavailable(
            f"the repository cannot be fetched: {reason}", final=_says(result, (_CHECKED,))
        )


def _kept_as(name: str) -> str:
    """A ref of our own for each foreign one, so that `a` after `a/b` was removed is no conflict."""
    return f"refs/flowforge/{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _says(result: Result, phrases: tuple[str, ...]) -> bool:
    text = result.error.lower()
    return any(phrase in text for phrase in phrases)


def _last_reason(error: str) -> str:
    """git's last word on it: advice and progress come before."""
    lines = [line for line in error.split("\n") if line.startswith(("fatal:", "error:", "remote:"))]
    first = next((at for at, line in enumerate(lines) if line.startswith("fatal:")), None)
    if first is None:
        return (lines or error.split("\n"))[-1][:_LONGEST_REASON]
    if lines[first].startswith(_CHECKED) and first:
        return f"{lines[first]}: {lines[first - 1].removeprefix('error: ')}"[:_LONGEST_REASON]
    return lines[first][:_LONGEST_REASON]
