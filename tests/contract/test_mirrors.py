"""The port `Mirrors`, on the fake, on folders and on smart HTTP."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowforge.adapters.git.clone_url import LocalRepositories
from flowforge.adapters.git.mirrors import GitMirrors, MirrorPolicy
from flowforge.errors import BadInput, SourceUnavailable, TooLarge
from flowforge.ports import Mirrors
from flowforge.testing.mirrors import LINK, FakeMirrors, FakeRepository
from tests.git_repositories import Forge, Link
from tests.git_server import git_server

MAIN = "refs/heads/main"
FILES: Mapping[str, bytes] = {
    ".ci/a.yml": b"jobs:",
    ".ci/b.yml": b"",
    ".ci/deep/c.yml": b"c",
    "README": b"\xff\x00 not text",
}


@dataclass
class Setting:
    mirrors: Mirrors
    url: str
    first: str
    second: str


@dataclass(frozen=True)
class Forges:
    """Made once: tests only read it."""

    folder: Path
    first: str
    second: str


@pytest.fixture(scope="module")
def forges(tmp_path_factory: pytest.TempPathFactory) -> Forges:
    folder = tmp_path_factory.mktemp("forges")
    forge = Forge(folder / "saw.git")
    first = forge.commit({"README": b"old"}, "refs/heads/old")
    second = forge.commit({**FILES, ".ci/link.yml": Link(b"a.yml")}, MAIN, first)
    return Forges(folder, first, second)


def fake(_folder: Path, _forges: Forges) -> Iterator[Setting]:
    first, second, url = "1" * 40, "2" * 40, "https://forge.example/tools/saw"
    commits = {first: {"README": b"old"}, second: {**FILES, ".ci/link.yml": LINK}}
    refs = {MAIN: second, "refs/heads/old": first, "HEAD": second}
    repository = FakeRepository(commits=commits, refs=refs, parents={second: first})
    yield Setting(FakeMirrors({url: repository}), url, first, second)


def over_files(folder: Path, forges: Forges) -> Iterator[Setting]:
    mirrors = GitMirrors(folder / "mirrors", MirrorPolicy(local=LocalRepositories.ALLOW))
    yield Setting(mirrors, f"file://{forges.folder}/saw.git", forges.first, forges.second)


def over_http(folder: Path, forges: Forges, *, old: bool = False) -> Iterator[Setting]:
    with git_server(forges.folder, old=old) as server:
        mirrors = GitMirrors(folder / "mirrors", MirrorPolicy(trusted=frozenset({server.host})))
        yield Setting(mirrors, server.url("saw.git"), forges.first, forges.second)


def over_old_http(folder: Path, forges: Forges) -> Iterator[Setting]:
    return over_http(folder, forges, old=True)


@pytest.fixture(params=[fake, over_files, over_http, over_old_http])
async def setting(request: pytest.FixtureRequest, tmp_path: Path, forges: Forges) -> AsyncIterator[Setting]:
    make: Callable[[Path, Forges], Iterator[Setting]] = request.param
    with contextmanager(make)(tmp_path, forges) as made:
        yield made


async def test_a_commit_is_fetched_by_its_id_and_its_ref(setting: Setting) -> None:
    assert await setting.mirrors.fetch(setting.url, setting.second, MAIN) == setting.second
    assert await setting.mirrors.fetch(setting.url, setting.first, "refs/heads/old") == setting.first


async def test_an_older_commit_of_a_ref_is_fetched(setting: Setting) -> None:
    assert await setting.mirrors.fetch(setting.url, setting.first, MAIN) == setting.first


async def test_the_beginning_of_an_id_is_enough_with_a_ref(setting: Setting) -> None:
    assert await setting.mirrors.fetch(setting.url, setting.second[:12], MAIN) == setting.second
    assert await setting.mirrors.fetch(setting.url, setting.first[:12], MAIN) == setting.first
    assert await setting.mirrors.fetch(setting.url, setting.second[:12], MAIN) == setting.second
    with pytest.raises(SourceUnavailable):
        await setting.mirrors.fetch(setting.url, "3" * 12, MAIN)
    for commit, ref in ((setting.second[:12], ""), (setting.second[:11], MAIN)):
        with pytest.raises(BadInput):
            await setting.mirrors.fetch(setting.url, commit, ref)


async def test_an_empty_commit_is_the_tip_of_the_ref(setting: Setting) -> None:
    assert await setting.mirrors.fetch(setting.url, "", MAIN) == setting.second
    assert await setting.mirrors.fetch(setting.url, "", "refs/heads/old") == setting.first
    assert await setting.mirrors.fetch(setting.url, "", "") == setting.second


@pytest.mark.parametrize(
    ("commit", "ref"),
    [("3" * 40, MAIN), ("3" * 40, ""), ("", "refs/heads/gone"), ("3" * 40, "refs/heads/gone")],
)
async def test_what_the_repository_does_not_have_is_unavailable_for_good(
    setting: Setting, commit: str, ref: str
) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        await setting.mirrors.fetch(setting.url, commit, ref)
    assert caught.value.final


async def test_a_repository_that_is_not_there_is_unavailable(setting: Setting) -> None:
    with pytest.raises(SourceUnavailable):
        await setting.mirrors.fetch(setting.url.replace("saw", "axe"), setting.first, MAIN)


@pytest.mark.parametrize(
    ("commit", "ref"),
    [("main", ""), ("1" * 39, ""), ("--x", ""), ("", "main"), ("", "--upload-pack=x"), ("", "HEAD")],
)
async def test_what_is_no_commit_or_ref_is_bad_input(setting: Setting, commit: str, ref: str) -> None:
    with pytest.raises(BadInput):
        await setting.mirrors.fetch(setting.url, commit, ref)


async def test_a_ref_reaches_its_tip_and_what_came_before_it(setting: Setting) -> None:
    for ref, commit, reached in (
        (MAIN, setting.second, True),
        (MAIN, setting.first, True),
        ("", setting.first, True),
        ("refs/heads/old", setting.first, True),
        ("refs/heads/old", setting.second, False),
        (MAIN, "3" * 40, False),
    ):
        assert await setting.mirrors.reaches(setting.url, ref, commit) is reached, (ref, commit)
    with pytest.raises(SourceUnavailable):
        await setting.mirrors.reaches(setting.url, "refs/heads/gone", setting.first)
    with pytest.raises(BadInput):
        await setting.mirrors.reaches(setting.url, MAIN, "--all")


async def test_a_forks_commit_is_reached_by_no_branch_though_the_mirror_holds_it(tmp_path: Path) -> None:
    forge = Forge(tmp_path / "saw.git")
    main = forge.commit({"a": b"1"}, MAIN)
    foreign = forge.commit({"a": b"2"}, "refs/pull/7/head", main)
    mirrors = GitMirrors(tmp_path / "mirrors", MirrorPolicy(local=LocalRepositories.ALLOW))
    assert await mirrors.fetch(forge.url, foreign, "refs/pull/7/head") == foreign
    assert await mirrors.reaches(forge.url, "refs/pull/7/head", main)
    assert not await mirrors.reaches(forge.url, MAIN, foreign)


async def test_a_file_is_read_to_the_byte(setting: Setting) -> None:
    await setting.mirrors.fetch(setting.url, setting.second, MAIN)
    assert await setting.mirrors.read(setting.url, setting.second, "README") == FILES["README"]
    assert await setting.mirrors.read(setting.url, setting.second, ".ci/deep/c.yml") == b"c"
    assert await setting.mirrors.read(setting.url, setting.second, ".ci/b.yml") == b""


@pytest.mark.parametrize(
    "path", [".ci", "nothing", ".ci/deep/nothing", "README/x", ".ci/link.yml/x", "*", ":(top)README"]
)
async def test_where_no_file_is_there_is_none(setting: Setting, path: str) -> None:
    await setting.mirrors.fetch(setting.url, setting.second, MAIN)
    assert await setting.mirrors.read(setting.url, setting.second, path) is None


async def test_a_link_is_refused_without_showing_where_it_leads(setting: Setting) -> None:
    await setting.mirrors.fetch(setting.url, setting.second, MAIN)
    with pytest.raises(BadInput) as caught:
        await setting.mirrors.read(setting.url, setting.second, ".ci/link.yml")
    assert "a.yml" not in str(caught.value)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x"])
async def test_a_path_that_leaves_the_repository_is_bad_input(setting: Setting, path: str) -> None:
    await setting.mirrors.fetch(setting.url, setting.second, MAIN)
    with pytest.raises(BadInput):
        await setting.mirrors.read(setting.url, setting.second, path)


async def test_a_folder_lists_its_own_regular_files(setting: Setting) -> None:
    await setting.mirrors.fetch(setting.url, setting.second, MAIN)
    listed = setting.mirrors.list
    assert sorted(await listed(setting.url, setting.second, ".ci")) == [".ci/a.yml", ".ci/b.yml"]
    assert await listed(setting.url, setting.second, "") == ("README",)
    assert await listed(setting.url, setting.second, "nothing") == ()
    assert await listed(setting.url, setting.second, "README") == ()


async def test_what_was_not_fetched_cannot_be_read(setting: Setting) -> None:
    with pytest.raises(SourceUnavailable):
        await setting.mirrors.read(setting.url, setting.second, "README")


async def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    forge = Forge(tmp_path / "saw.git")
    commit = forge.commit({"large": b"x" * ((1 << 20) + 1), "fits": b"x" * (1 << 20)})
    mirrors = GitMirrors(tmp_path / "mirrors", MirrorPolicy(local=LocalRepositories.ALLOW))
    await mirrors.fetch(forge.url, commit, MAIN)
    assert len(await mirrors.read(forge.url, commit, "fits") or b"") == 1 << 20
    with pytest.raises(TooLarge):
        await mirrors.read(forge.url, commit, "large")


async def test_what_a_commit_changed_is_told_by_path(setting: Setting) -> None:
    await setting.mirrors.fetch(setting.url, setting.second, MAIN)
    paths = {".ci/a.yml", ".ci/b.yml", ".ci/deep/c.yml", ".ci/link.yml", "README"}
    for base in (setting.first, "refs/heads/old"):
        assert (
            set(await setting.mirrors.changed(setting.url, setting.second, setting.url, base) or ()) == paths
        )
    assert await setting.mirrors.changed(setting.url, setting.second, setting.url, setting.second) == ()


@pytest.mark.parametrize("base", ["3" * 40, "refs/heads/gone"])
async def test_what_changed_since_an_unknown_base_cannot_be_told(setting: Setting, base: str) -> None:
    await setting.mirrors.fetch(setting.url, setting.second, MAIN)
    assert await setting.mirrors.changed(setting.url, setting.second, setting.url, base) is None


async def test_what_a_fork_changed_is_told_against_the_repository_it_goes_to(tmp_path: Path) -> None:
    """Whatever its own branch of that name is, and though neither repository has the other's newest commit."""
    home, fork = Forge(tmp_path / "saw.git"), Forge(tmp_path / "fork.git")
    start = {"a": b"1", "b": b"1"}
    parted = home.commit(start, MAIN)
    assert fork.commit(start, MAIN) == parted
    home.commit({**start, "new": b"1"}, MAIN, parted)
    change = fork.commit({**start, "b": b"2"}, MAIN, parted)
    mirrors = GitMirrors(tmp_path / 'with "colon":', MirrorPolicy(local=LocalRepositories.ALLOW))
    await mirrors.fetch(fork.url, change, MAIN)
    assert await mirrors.changed(fork.url, change, fork.url, MAIN) == ()
    assert await mirrors.changed(fork.url, change, home.url, MAIN) == ("b",)
    assert await mirrors.changed(fork.url, change, home.url, parted) == ("b",)
    assert await mirrors.changed(fork.url, change, home.url, "refs/heads/gone") is None
    other = Forge(tmp_path / "other.git")
    other.commit({"else": b"1"}, MAIN)
    assert await mirrors.changed(fork.url, change, other.url, MAIN) is None
