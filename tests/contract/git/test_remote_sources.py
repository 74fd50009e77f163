"""A commit that came through the server lies in the workspace as one that was fetched here."""

import io
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flowforge.adapters.git.clone_url import LocalRepositories
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.mirrors import GitMirrors, MirrorPolicy
from flowforge.adapters.git.remote_sources import RemoteSources
from flowforge.adapters.git.source_pack import MirrorPacks
from flowforge.errors import Forbidden, SourceUnavailable, Upstream
from flowforge.model.source import Source
from tests.git_repositories import Executable, Forge, Link, git

pytestmark = pytest.mark.needs("git")
FILES = {"a.txt": b"one\n", "bin/run": Executable(b"#!/bin/sh\n"), "to-a": Link(b"a.txt")}


@dataclass
class Far:
    """A server's mirrors, and a runner's sources that ask for `origin` and are sent `packs`."""

    forge: Forge
    folder: Path
    limits: GitLimits = field(default_factory=GitLimits)
    asked: list[str] = field(default_factory=list)
    answer: list[bytes] | Exception | None = None

    async def fetch(self, origin: str) -> AsyncIterator[bytes]:
        self.asked.append(origin)
        if isinstance(self.answer, Exception):
            raise self.answer
        for chunk in self.answer or ():
            yield chunk
        if self.answer is None:
            async for chunk in self.packed(origin):
                yield chunk

    async def packed(self, commit: str) -> AsyncIterator[bytes]:
        policy = MirrorPolicy(local=LocalRepositories.ALLOW, limits=self.limits)
        packs = MirrorPacks(GitMirrors(self.folder / "mirrors", policy), self.limits)
        try:
            async for chunk in packs.read(
                Source(origin=self.forge.url, commit=commit, ref="refs/heads/main")
            ):
                yield chunk
        finally:
            packs.close()

    async def place(self, commit: str, into: str = "work", keep: int = 20) -> str:
        workspace = self.folder / into
        workspace.mkdir()
        sources = RemoteSources(self.folder / "commits", self.fetch, self.limits, keep=keep)
        try:
            return await sources.place(Source(origin=commit, commit=commit, ref="refs/heads/main"), workspace)
        finally:
            sources.close()


@pytest.fixture(params=["sha1", "sha256"])
def far(tmp_path: Path, request: pytest.FixtureRequest) -> Far:
    return Far(Forge(tmp_path / "saw.git", request.param), tmp_path)


async def test_files_and_history_are_those_of_the_commit(far: Far) -> None:
    first = far.forge.commit(FILES)
    commit = far.forge.commit({**FILES, "b.txt": b"two\n"}, parent=first)
    line = await far.place(commit)
    work = far.folder / "work"
    assert line == f"4 files of commit {commit[:12]} (refs/heads/main)"
    assert (work / "b.txt").read_bytes() == b"two\n"
    assert (work / "bin/run").stat().st_mode & 0o111
    assert (work / "to-a").readlink() == Path("a.txt")
    assert git(work, "-c", "safe.directory=*", "status", "--porcelain") == ""
    assert git(work, "-c", "safe.directory=*", "log", "--format=%H").split() == [commit, first]


async def test_a_large_history_comes_shallow(far: Far) -> None:
    far.limits = GitLimits(history_bytes=1, history_depth=1)
    commit = far.forge.commit(FILES, parent=far.forge.commit({"old": b"old"}))
    await far.place(commit)
    assert git(far.folder / "work", "-c", "safe.directory=*", "log", "--format=%H").split() == [commit]


async def test_a_commit_is_sent_once_and_the_oldest_are_forgotten(far: Far) -> None:
    commits = [far.forge.commit({"a": str(n).encode()}) for n in range(3)]
    for n, commit in enumerate((commits[0], commits[0], commits[1], commits[2])):
        await far.place(commit, f"w{n}", keep=2)
    assert far.asked == commits
    assert len(list((far.folder / "commits").iterdir())) == 2


@pytest.mark.parametrize("error", [Upstream("away"), Forbidden("the attempt is over")])
async def test_what_the_server_does_not_send_is_unavailable(far: Far, error: Exception) -> None:
    far.answer = error
    with pytest.raises(SourceUnavailable) as caught:
        await far.place("a" * 40)
    assert caught.value.final is isinstance(error, Forbidden)


def tar_of(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"x") -> list[bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        entry.size = len(content) if kind == tarfile.REGTYPE else 0
        tar.addfile(entry, io.BytesIO(content))
    return [buffer.getvalue()]


@pytest.mark.parametrize(
    "sent",
    [
        [b""],
        [b"no tar at all" * 100],
        tar_of("../escaped"),
        tar_of("/tmp/absolute"),
        tar_of("config", content=b"[core]\n\tfsmonitor = touch /tmp/x\n"),
        tar_of("hooks/post-checkout"),
        tar_of("objects/pack/../../config"),
        tar_of("packed-refs", tarfile.SYMTYPE),
        tar_of("shallow", tarfile.LNKTYPE),
        tar_of("objects/pack", tarfile.DIRTYPE),
        tar_of("shallow", content=b"x" * 2_000_000),
        [tar_of("packed-refs", content=b"x" * 5000)[0][:700]],
    ],
)
async def test_what_no_server_of_ours_sends_is_refused_and_leaves_nothing(
    tmp_path: Path, sent: list[bytes]
) -> None:
    far = Far(Forge(tmp_path / "saw.git"), tmp_path, GitLimits(fetch_bytes=1_000_000), answer=sent)
    with pytest.raises(SourceUnavailable):
        await far.place("a" * 40)
    assert not (tmp_path / "escaped").exists()
    assert not any(path for path in (tmp_path / "work").iterdir() if path.name != ".git")


async def test_a_commit_that_is_none_is_asked_of_nobody(tmp_path: Path) -> None:
    far = Far(Forge(tmp_path / "saw.git"), tmp_path)
    for number, wrong in enumerate(("", "../x", "A" * 40, "main")):
        with pytest.raises(SourceUnavailable):
            await far.place(wrong, f"w{number}")
    assert far.asked == []
