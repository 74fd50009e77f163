"""The port `Sources`, on the fake, on mirrors and on a person's own folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowforge.adapters.git.clone_url import LocalRepositories
from flowforge.adapters.git.mirror_sources import MirrorSources
from flowforge.adapters.git.mirrors import GitMirrors, MirrorPolicy
from flowforge.adapters.git.working_copy import WorkingCopySources
from flowforge.errors import SourceUnavailable
from flowforge.model.source import Source
from flowforge.ports import Sources
from flowforge.testing.sources import FakeSources
from tests.git_repositories import Forge, git

FILES = {"README": b"read me", "src/deep/code.py": b"print()", "src/empty": b""}


@dataclass
class Setting:
    sources: Sources
    source: Source


def fake(_folder: Path) -> Iterator[Setting]:
    yield Setting(FakeSources({"here": FILES}), Source(origin="here", commit=""))


def mirrored(folder: Path) -> Iterator[Setting]:
    forge = Forge(folder / "saw.git")
    commit = forge.commit(FILES)
    mirrors = GitMirrors(folder / "mirrors", MirrorPolicy(local=LocalRepositories.ALLOW))
    sources = MirrorSources(mirrors)
    yield Setting(sources, Source(origin=forge.url, commit=commit, ref="refs/heads/main"))
    sources.close()


def own_folder(folder: Path) -> Iterator[Setting]:
    yield from _own(folder, "")


def own_commit(folder: Path) -> Iterator[Setting]:
    forge = Forge(folder / "saw.git")
    commit = forge.commit(FILES)
    git(folder, "clone", "-q", str(forge.path), "own")
    yield from _own(folder, commit)


def _own(folder: Path, commit: str) -> Iterator[Setting]:
    for path, content in FILES.items():
        target = folder / "own" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    sources = WorkingCopySources()
    yield Setting(sources, Source(origin=str(folder / "own"), commit=commit))
    sources.close()


@pytest.fixture(params=[fake, mirrored, own_folder, own_commit])
def setting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    make: Callable[[Path], Iterator[Setting]] = request.param
    with contextmanager(make)(tmp_path) as made:
        yield made


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "workspace").mkdir()
    return tmp_path / "workspace"


def placed(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


async def test_the_files_are_placed_and_one_line_says_so(setting: Setting, into: Path) -> None:
    said = await setting.sources.place(setting.source, into)
    assert placed(into) == FILES
    assert said.startswith("3 files")
    assert "\n" not in said


async def test_placing_may_be_repeated(setting: Setting, into: Path) -> None:
    await setting.sources.place(setting.source, into)
    (into / "README").write_bytes(b"changed")
    (into / "src/empty").unlink()
    await setting.sources.place(setting.source, into)
    assert placed(into) == FILES


async def test_what_is_not_in_the_way_stays(setting: Setting, into: Path) -> None:
    (into / "src").mkdir()
    (into / "src/mine").write_bytes(b"mine")
    await setting.sources.place(setting.source, into)
    assert placed(into) == FILES | {"src/mine": b"mine"}


async def test_a_source_that_is_not_there_is_unavailable(setting: Setting, into: Path) -> None:
    with pytest.raises(SourceUnavailable):
        await setting.sources.place(Source(origin=setting.source.origin + "gone", commit=""), into)
