"""A person's own folder as it is on disk, what is not committed included."""

import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowforge.adapters.git.limits import GitLimits
from flowforge.adapters.git.own_folder import OwnFolder
from flowforge.adapters.git.workers import Abort
from flowforge.adapters.git.working_copy import WorkingCopySources
from flowforge.errors import SourceUnavailable
from flowforge.model.source import Source
from tests.git_repositories import git


@dataclass
class Own:
    folder: Path
    workspace: Path
    sources: WorkingCopySources

    def write(self, path: str, content: bytes = b"x") -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def commit(self, message: str = "A commit") -> str:
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-qm", message)
        return git(self.folder, "rev-parse", "HEAD")

    async def place(self, commit: str = "", folder: str = "") -> str:
        return await self.sources.place(
            Source(origin=str(self.folder / folder), commit=commit), self.workspace
        )

    def placed(self) -> set[str]:
        found = (path for path in self.workspace.rglob("*") if path.is_symlink() or not path.is_dir())
        return {str(path.relative_to(self.workspace)) for path in found if ".git" not in path.parts}

    def asked(self, *arguments: str) -> str:
        return git(self.workspace, *arguments, GIT_CEILING_DIRECTORIES=str(self.workspace.parent))


@pytest.fixture
async def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Own]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in ("home", "own", "work"):
        (tmp_path / name).mkdir()
    sources = WorkingCopySources()
    yield Own(tmp_path / "own", tmp_path / "work", sources)
    sources.close()


@pytest.fixture
def own(plain: Own) -> Own:
    git(plain.folder, "init", "-q", "-b", "main")
    return plain


async def test_changes_additions_and_deletions_count_and_ignored_files_do_not(own: Own) -> None:
    for name in ("kept", "changed", "deleted", "src/moved"):
        own.write(name)
    own.write(".gitignore", b"*.log\n")
    commit = own.commit()
    own.write("changed", b"y")
    own.write("new/file")
    own.write("noise.log")
    (own.folder / "deleted").unlink()
    said = await own.place()
    assert own.placed() == {"kept", "changed", "src/moved", "new/file", ".gitignore"}
    assert said == f"5 files of the folder as it is, over commit {commit[:12]}"
    status = own.asked("status", "--porcelain").splitlines()
    assert [line.split() for line in status] == [["M", "changed"], ["D", "deleted"], ["??", "new/"]]
    assert own.asked("log", "--format=%s") == "A commit"
    assert own.asked("rev-parse", "refs/heads/main") == commit


async def test_a_persons_own_ignore_rules_count(own: Own, tmp_path: Path) -> None:
    (tmp_path / "home/.config/git").mkdir(parents=True)
    (tmp_path / "home/.config/git/ignore").write_text(".DS_Store\n")
    own.write(".DS_Store")
    own.write("a")
    await own.place()
    assert own.placed() == {"a"}


async def test_modes_and_links_are_kept_and_sockets_left_out(own: Own) -> None:
    own.write("run.sh")
    (own.folder / "run.sh").chmod(0o700)
    (own.folder / "away").symlink_to("/etc")
    (own.folder / "broken").symlink_to("nowhere")
    os.mkfifo(own.folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(own.folder / "sock"))
    await own.place()
    assert own.placed() == {"run.sh", "away", "broken"}
    assert os.access(own.workspace / "run.sh", os.X_OK)
    assert str((own.workspace / "away").readlink()) == "/etc"


async def test_a_tracked_file_behind_a_new_link_counts_as_deleted(own: Own, tmp_path: Path) -> None:
    own.write("folder/secret")
    own.commit()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret").write_bytes(b"not yours")
    (own.folder / "folder/secret").unlink()
    (own.folder / "folder").rmdir()
    (own.folder / "folder").symlink_to(tmp_path / "elsewhere")
    await own.place()
    assert own.placed() == {"folder"}


async def test_a_repository_inside_is_copied_without_its_git_folder(own: Own) -> None:
    own.write("lib/code")
    git(own.folder / "lib", "init", "-q")
    git(own.folder / "lib", "add", "-A")
    git(own.folder / "lib", "commit", "-qm", "lib")
    own.write("a")
    git(own.folder, "-c", "advice.addEmbeddedRepo=false", "add", "-A")
    own.write("lib/deep/new")
    await own.place()
    assert own.placed() == {"a", "lib/code", "lib/deep/new"}
    assert not (own.workspace / "lib/.git").exists()


async def test_a_folder_without_git_is_copied_whole(plain: Own) -> None:
    plain.write("a")
    plain.write("deep/b")
    plain.write(".hg/store")
    (plain.folder / "deep/link").symlink_to("b")
    assert await plain.place() == "3 files of the folder as it is"
    assert plain.placed() == {"a", "deep/b", "deep/link"}
    assert not (plain.workspace / ".git").exists()


async def test_a_repository_before_its_first_commit_has_no_history(own: Own) -> None:
    own.write("a")
    await own.place()
    assert own.placed() == {"a"}
    assert not (own.workspace / ".git").exists()


async def test_a_folder_inside_a_repository_is_placed_without_the_rest(own: Own) -> None:
    own.write("part/a")
    own.write("other")
    own.commit()
    own.write("part/.gitignore", b"b\n")
    own.write("part/b")
    await own.place(folder="part")
    assert own.placed() == {"a", ".gitignore"}


async def test_a_workspace_inside_the_folder_is_not_copied_into_itself(plain: Own) -> None:
    plain.write("a")
    plain.workspace = plain.folder / "data/workspaces/1"
    plain.write("data/workspaces/1/old")
    await plain.place()
    assert plain.placed() == {"a", "old"}


async def test_a_commit_is_placed_as_it_was(own: Own) -> None:
    own.write("a", b"old")
    commit = own.commit()
    own.write("a", b"new")
    own.write("b")
    await own.place(commit)
    assert own.placed() == {"a"}
    assert (own.workspace / "a").read_bytes() == b"old"
    assert own.asked("status", "--porcelain") == ""


async def test_packed_objects_are_copied(own: Own) -> None:
    own.write("a")
    own.commit()
    git(own.folder, "gc", "-q")
    await own.place()
    assert own.asked("status", "--porcelain") == ""
    assert own.asked("fsck") == ""


async def test_a_shallow_clone_and_a_linked_work_tree_keep_their_history(own: Own, tmp_path: Path) -> None:
    own.write("a")
    own.commit("first")
    own.write("a", b"y")
    own.commit("second")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{own.folder}", "shallow")
    git(tmp_path / "shallow", "worktree", "add", "-q", str(tmp_path / "linked"))
    for name in ("shallow", "linked"):
        await own.sources.place(Source(origin=str(tmp_path / name), commit=""), own.workspace)
        assert own.asked("log", "--format=%s") == "second"
        assert own.asked("status", "--porcelain") == ""


async def test_a_history_that_cannot_be_copied_is_said_and_left_out(own: Own) -> None:
    own.write("a")
    first = own.commit("first")
    own.write("a", b"y")
    own.commit("second")
    (own.folder / ".git/objects" / first[:2] / first[2:]).unlink()
    assert "without its history" in await own.place()
    assert own.placed() == {"a"}
    assert not (own.workspace / ".git").exists()


async def test_a_workspace_that_is_not_there_is_unavailable(plain: Own) -> None:
    plain.write("a")
    plain.workspace.rmdir()
    with pytest.raises(SourceUnavailable, match="cannot be copied"):
        await plain.place()


async def test_no_program_of_the_folders_configuration_runs(own: Own, tmp_path: Path) -> None:
    own.write("a")
    own.commit()
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/canary\n")
    evil.chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "filter.x.clean", "filter.x.process"):
        git(own.folder, "config", name, str(evil))
    own.write(".gitattributes", b"* filter=x\n")
    own.write("a", b"changed")
    await own.place()
    assert not (tmp_path / "canary").exists()


async def test_what_is_no_folder_or_commit_is_unavailable(own: Own) -> None:
    own.write("a")
    for source in (
        Source(origin="relative", commit=""),
        Source(origin=str(own.folder / "a"), commit=""),
        Source(origin=str(own.folder), commit="--x"),
        Source(origin=str(own.folder), commit="f" * 40),
    ):
        with pytest.raises(SourceUnavailable):
            await own.sources.place(source, own.workspace)


async def test_a_commit_of_a_folder_without_git_is_unavailable(plain: Own) -> None:
    with pytest.raises(SourceUnavailable, match="not a git repository"):
        await plain.place("f" * 40)


async def test_a_machine_without_git_copies_the_folder(plain: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    plain.write("a")
    monkeypatch.setenv("PATH", "/nowhere")
    await plain.place()
    assert plain.placed() == {"a"}


async def test_a_deadline_ends_the_work(plain: Own) -> None:
    plain.write("a")
    sources = WorkingCopySources(GitLimits(place_seconds=0))
    with pytest.raises(SourceUnavailable, match="longer than"):
        await sources.place(Source(origin=str(plain.folder), commit=""), plain.workspace)
    sources.close()


def test_a_folder_that_goes_away_while_it_is_copied_is_left_out(plain: Own) -> None:
    plain.write("a/kept")
    plain.write("b/gone")
    files = OwnFolder(path=plain.folder, abort=Abort(), leave_out=plain.workspace).files()
    assert next(files) == b"a/kept"
    shutil.rmtree(plain.folder / "b")
    assert list(files) == []
