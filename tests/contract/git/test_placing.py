"""What a workspace gets, and what hostile repositories and jobs do not get done (A07, A09, A10, A13, A36)."""

import asyncio
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowforge.adapters.git.clone_url import LocalRepositories
from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.mirror_sources import MirrorSources
from flowforge.adapters.git.mirrors import GitMirrors, MirrorPolicy
from flowforge.errors import BadInput, SourceUnavailable
from flowforge.model.source import Source
from tests.git_repositories import Executable, File, Forge, Link, Submodule, git

MAIN = "refs/heads/main"


@dataclass
class Place:
    """`canary` must never come to be, whatever is placed; `outside` must stay as it is."""

    forge: Forge
    workspace: Path
    outside: Path
    canary: Path

    async def place(self, commit: str, limits: GitLimits | None = None, ref: str = MAIN) -> str:
        mirrors = GitMirrors(
            self.forge.path.parent / "mirrors",
            MirrorPolicy(local=LocalRepositories.ALLOW, limits=limits or GitLimits()),
        )
        sources = MirrorSources(mirrors, limits)
        try:
            return await sources.place(Source(origin=self.forge.url, commit=commit, ref=ref), self.workspace)
        finally:
            sources.close()

    def mirror(self, commit: str) -> None:
        """Puts a commit into the mirror that a fetch would refuse, as a hole in git's own checks would."""
        mirrors = GitMirrors(self.forge.path.parent / "mirrors", MirrorPolicy(local=LocalRepositories.ALLOW))
        path = mirrors.repository(self.forge.url)
        path.parent.mkdir()
        shutil.copytree(self.forge.path, path)
        subprocess.run(["git", "repack", "-adq"], cwd=path, stderr=subprocess.DEVNULL, check=False)
        (path / "flowforge").mkdir()
        (path / "flowforge" / commit).write_text(commit)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(Forge(tmp_path / "saw.git"), tmp_path / "work", tmp_path / "outside", tmp_path / "canary")
    made.workspace.mkdir()
    made.outside.mkdir()
    (made.outside / "precious").write_bytes(b"precious")
    return made


def unharmed(place: Place) -> bool:
    kept = {path.name: path.read_bytes() for path in place.outside.iterdir()}
    return kept == {"precious": b"precious"} and not place.canary.exists()


def asked(place: Place, *arguments: str) -> str:
    return git(place.workspace, *arguments, GIT_CEILING_DIRECTORIES=str(place.workspace.parent))


async def test_modes_links_and_submodules_are_placed_as_they_are(place: Place) -> None:
    files: dict[str, File] = {
        "plain": b"1",
        "run.sh": Executable(b"#!/bin/sh"),
        "link": Link(b"plain"),
        "away": Link(b"/etc/passwd"),
        "vendor/lib": Submodule(),
    }
    await place.place(place.forge.commit(files))
    mode = stat.S_IMODE((place.workspace / "run.sh").stat().st_mode)
    assert (mode, stat.S_IMODE((place.workspace / "plain").stat().st_mode)) == (0o755, 0o644)
    assert str((place.workspace / "link").readlink()) == "plain"
    assert str((place.workspace / "away").readlink()) == "/etc/passwd"
    assert list((place.workspace / "vendor/lib").iterdir()) == []
    assert asked(place, "status", "--porcelain") == ""


async def test_an_umask_does_not_lock_the_job_out(place: Place) -> None:
    commit = place.forge.commit({"a/b": b"1"})
    before = os.umask(0o077)
    try:
        await place.place(commit)
    finally:
        os.umask(before)
    assert stat.S_IMODE((place.workspace / "a").stat().st_mode) == 0o755
    assert stat.S_IMODE((place.workspace / "a/b").stat().st_mode) == 0o644


@pytest.mark.parametrize("limits", [GitLimits(), GitLimits(history_bytes=0)])
async def test_git_works_in_the_workspace(place: Place, limits: GitLimits) -> None:
    first = place.forge.commit({"a": b"1"})
    place.forge.tag("v1.0", first)
    second = place.forge.commit({"a": b"2", "b": Link(b"a")}, MAIN, first)
    await place.place(second, limits)
    assert asked(place, "status", "--porcelain") == ""
    assert asked(place, "log", "--format=%H").split() == [second, first]
    assert asked(place, "describe") == f"v1.0-1-g{second[:7]}"
    assert asked(place, "rev-parse", MAIN, "HEAD").split() == [second, second]
    assert asked(place, "diff-index", "HEAD") == ""
    assert asked(place, "fsck", "--strict") == ""
    (place.workspace / "a").write_bytes(b"3")
    assert asked(place, "status", "--porcelain") == "M a"


async def test_a_large_repository_gets_the_newest_commits_only(place: Place) -> None:
    commit = ""
    for number in range(5):
        commit = place.forge.commit({"a": b"%d" % number}, MAIN, commit)
    await place.place(commit, GitLimits(history_bytes=0, history_depth=2))
    assert len(asked(place, "log", "--format=%H").split()) == 2
    assert asked(place, "status", "--porcelain") == ""
    assert [path.name for path in place.forge.path.parent.glob("**/.history-*")] == []


async def test_wide_ids_work_in_the_workspace(tmp_path: Path, place: Place) -> None:
    place.forge = Forge(tmp_path / "wide.git", "sha256")
    commit = place.forge.commit({"a": b"1", "b/c": b"2"})
    await place.place(commit)
    assert asked(place, "status", "--porcelain") == ""
    assert asked(place, "log", "--format=%H") == commit


async def test_the_workspace_holds_no_remote_and_shares_nothing_with_the_mirror(place: Place) -> None:
    await place.place(place.forge.commit({"a": b"1"}))
    assert asked(place, "remote") == ""
    assert not (place.workspace / ".git/objects/info/alternates").exists()
    files = [path for path in (place.workspace / ".git").rglob("*") if path.is_file()]
    assert files
    assert all(path.stat().st_nlink == 1 for path in files)


async def test_no_filter_or_hook_of_the_repository_runs(place: Place) -> None:
    command = f"touch {place.canary}"
    attributes = b"* filter=evil diff=evil merge=evil ident eol=crlf working-tree-encoding=UTF-16\n"
    files: dict[str, File] = {
        ".gitattributes": attributes,
        ".lfsconfig": b"[lfs]\n\turl = http://127.0.0.1:1/\n",
        ".gitconfig": f'[filter "evil"]\n\tsmudge = {command}\n'.encode(),
        "hooks/post-checkout": Executable(f"#!/bin/sh\n{command}\n".encode()),
        "text": b"line\n$Id$\n",
    }
    await place.place(place.forge.commit(files))
    assert (place.workspace / "text").read_bytes() == b"line\n$Id$\n"
    assert unharmed(place)
    assert not (place.workspace / ".git/hooks").exists()


async def test_a_submodule_with_a_hostile_path_and_address_starts_nothing(place: Place) -> None:
    modules = (
        f'[submodule "../../evil"]\n\tpath = "lib\r"\n\turl = "ext::sh -c touch% {place.canary}"\n'
        f'[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch {place.canary}\n\tupdate = !touch {place.canary}\n'
    )
    commit = place.forge.commit(
        {".gitmodules": modules.encode(), "x": Submodule(), "lib": Link(b".git/hooks")}
    )
    place.mirror(commit)
    await place.place(commit)
    assert unharmed(place)
    assert list((place.workspace / "x").iterdir()) == []


async def test_git_itself_refuses_such_a_submodule_when_it_is_fetched(place: Place) -> None:
    modules = b'[submodule "../../evil"]\n\tpath = x\n\turl = --upload-pack=evil\n'
    with pytest.raises(SourceUnavailable, match="gitmodulesUrl"):
        await place.place(place.forge.commit({".gitmodules": modules, "x": Submodule()}))


HOSTILE_NAMES = [
    b"..", b".", b".git", b".GIT", b".gIt", b"git~1", b"GIT~1", b".git ", b".git.", b".git::$INDEX_ALLOCATION",
    b".g\xe2\x80\x8cit", b"\xef\xbb\xbf.git", b"a\\.git\\hooks", b"x\r", b"x\ny", b"\x1b[2J", b"x" * 256,
    b"../outside/evil", b"/etc/evil", b"a/../../outside/evil", b"",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("nested", ["", "folder"])
async def test_a_hostile_name_is_refused_before_anything_is_written(
    place: Place, name: bytes, nested: str
) -> None:
    blob = place.forge.object(b"evil")
    tree = place.forge.raw_tree([("100644", b"a", blob), ("100644", name, blob)])
    if nested:
        tree = place.forge.raw_tree([("40000", nested.encode(), tree)])
    commit = place.forge.commit_tree(tree)
    place.mirror(commit)
    with pytest.raises(BadInput if name else SourceUnavailable) as caught:
        await place.place(commit)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    assert list(place.workspace.iterdir()) == []
    assert unharmed(place)


@pytest.mark.parametrize("name", [b".git", b"..", b".GIT", b"a/b"])
async def test_git_itself_refuses_such_a_name_when_it_is_fetched(place: Place, name: bytes) -> None:
    blob = place.forge.object(b"evil")
    tree = place.forge.raw_tree([("100644", name, blob)])
    commit = place.forge.commit_tree(tree)
    with pytest.raises(SourceUnavailable, match=rf"object {tree}: \w+: contains "):
        await place.place(commit)
    assert list(place.workspace.iterdir()) == []


async def test_a_git_folder_within_the_tree_is_refused(place: Place) -> None:
    hook = place.forge.object(f"#!/bin/sh\ntouch {place.canary}\n".encode())
    hooks = place.forge.raw_tree([("100755", b"post-checkout", hook)])
    inner = place.forge.raw_tree([("40000", b"hooks", hooks)])
    commit = place.forge.commit_tree(place.forge.raw_tree([("40000", b".git", inner)]))
    place.mirror(commit)
    with pytest.raises(BadInput):
        await place.place(commit)
    assert list(place.workspace.iterdir()) == []


async def test_a_link_and_a_folder_of_the_same_name_lead_nowhere(place: Place) -> None:
    """Both in one tree: what is behind the folder must not arrive where the link points."""
    link = place.forge.object(os.fsencode(place.outside))
    inner = place.forge.raw_tree([("100644", b"evil", place.forge.object(b"evil"))])
    commit = place.forge.commit_tree(place.forge.raw_tree([("120000", b"x", link), ("40000", b"x", inner)]))
    place.mirror(commit)
    await place.place(commit)
    assert unharmed(place)
    assert (place.workspace / "x/evil").read_bytes() == b"evil"


async def test_links_that_a_job_left_behind_are_replaced_and_not_followed(place: Place) -> None:
    commit = place.forge.commit({"a/b": b"new", "c": b"new", "d": Link(b"c")})
    for name in ("a", ".git", "d"):
        (place.workspace / name).symlink_to(place.outside)
    (place.workspace / "c").symlink_to(place.outside / "precious")
    await place.place(commit)
    assert unharmed(place)
    assert (place.workspace / "a/b").read_bytes() == b"new"
    assert (place.workspace / "c").read_bytes() == b"new"
    assert asked(place, "status", "--porcelain") == ""


async def test_files_and_folders_in_each_others_place_are_replaced(place: Place) -> None:
    commit = place.forge.commit({"file": b"1", "folder/x": b"2", "link": Link(b"file"), "sub": Submodule()})
    for name in ("file/deep/er", "link/x"):
        (place.workspace / name).mkdir(parents=True)
    for name in ("folder", "sub", ".git"):
        (place.workspace / name).write_bytes(b"in the way")
    os.mkfifo(place.workspace / "file/deep/pipe")
    await place.place(commit)
    assert (place.workspace / "file").read_bytes() == b"1"
    assert asked(place, "status", "--porcelain") == ""


async def test_a_tree_with_too_many_entries_is_refused_before_anything_is_written(place: Place) -> None:
    blob = place.forge.object(b"x")
    tree = place.forge.raw_tree([("100644", b"%06d" % number, blob) for number in range(100_000)])
    commit = place.forge.commit_tree(tree)
    with pytest.raises(SourceUnavailable, match="quota") as caught:
        await place.place(commit, GitLimits(place_entries=50_000))
    assert caught.value.final
    assert list(place.workspace.iterdir()) == []


@pytest.mark.parametrize("leaf", [b"x", None])
async def test_a_tree_that_unfolds_without_end_is_refused_soon(place: Place, leaf: bytes | None) -> None:
    """Ten to the tenth entries of a few hundred bytes; with a file at each end, and with none at all."""
    tree = place.forge.tree({"leaf": leaf} if leaf else {})
    for _ in range(10):
        tree = place.forge.raw_tree([("40000", b"%d" % number, tree) for number in range(10)])
    commit = place.forge.commit_tree(tree)
    place.mirror(commit)
    with pytest.raises(SourceUnavailable, match="quota"):
        await place.place(commit)
    assert list(place.workspace.iterdir()) == []


async def test_files_larger_than_the_quota_are_refused_before_anything_is_written(place: Place) -> None:
    commit = place.forge.commit({"zeros": b"\0" * (4 << 20), "more": b"\0" * 100})
    with pytest.raises(SourceUnavailable, match="quota"):
        await place.place(commit, GitLimits(place_bytes=4 << 20))
    assert list(place.workspace.iterdir()) == []


async def test_a_commit_whose_content_is_missing_is_unavailable(place: Place) -> None:
    tree = place.forge.raw_tree([("100644", b"a", "d" * 40)])
    commit = place.forge.commit_tree(tree)
    place.mirror(commit)
    with pytest.raises(SourceUnavailable):
        await place.place(commit)


async def test_a_deadline_ends_the_work(place: Place) -> None:
    commit = place.forge.commit({"a": b"1"})
    await place.place(commit)
    with pytest.raises(SourceUnavailable, match="longer than"):
        await place.place(commit, GitLimits(place_seconds=0))


async def test_a_cancelled_placing_can_be_repeated(place: Place) -> None:
    commit = place.forge.commit({f"f{number}": b"%d" % number for number in range(50)})
    placing = asyncio.ensure_future(place.place(commit))
    while not any(place.workspace.iterdir()):
        await asyncio.sleep(0)
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    await place.place(commit)
    assert asked(place, "status", "--porcelain") == ""


async def test_a_workspace_that_is_not_there_is_unavailable(place: Place) -> None:
    commit = place.forge.commit({"a": b"1"})
    place.workspace.rmdir()
    with pytest.raises(SourceUnavailable, match="cannot be written"):
        await place.place(commit)


async def test_an_address_that_is_none_is_unavailable_for_good(place: Place) -> None:
    place.forge = Forge(place.outside.parent / "other.git")
    with pytest.raises(SourceUnavailable) as caught:
        await place.place("--upload-pack=touch")
    assert caught.value.final
    assert unharmed(place)
