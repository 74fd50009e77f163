"""Writing below one folder, against whoever writes there too."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowforge.adapters.git.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    (tmp_path / "root").mkdir()
    with Folder(tmp_path / "root") as opened:
        yield opened


def test_a_root_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError, match=r"."):
        Folder(tmp_path / "link")


def test_what_cannot_be_shared_is_copied_by_hand(folder: Folder, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    folder.copy(b"a/b", 0o644, reading)
    os.close(reading)
    assert (tmp_path / "root/a/b").read_bytes() == b"through a pipe"


def test_a_folder_swapped_for_a_link_while_writing_leads_nowhere(folder: Folder, tmp_path: Path) -> None:
    """The folder that was opened is written to, wherever it was moved; what took its name is not."""
    outside = tmp_path / "outside"
    outside.mkdir()
    folder.file(b"a/one", 0o644, (b"1",))
    (tmp_path / "root/a").rename(tmp_path / "root/moved")
    (tmp_path / "root/a").symlink_to(outside)
    folder.file(b"a/two", 0o644, (b"2",))
    folder.file(b"b", 0o644, (b"3",))
    folder.file(b"a/three", 0o644, (b"4",))
    assert list(outside.iterdir()) == []
    assert (tmp_path / "root/a/three").read_bytes() == b"4"


def test_removing_takes_everything_below_and_nothing_behind_links(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    folder.file(b"a/b/c", 0o644, (b"1",))
    folder.link(b"a/b/link", os.fsencode(tmp_path))
    folder.remove(b"a")
    folder.remove(b"never/was")
    assert not (tmp_path / "root/a").exists()
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_folders_nested_deeper_than_calls_and_descriptors_reach_are_removed(
    folder: Folder, tmp_path: Path
) -> None:
    inside = os.open(tmp_path / "root", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("deep", dir_fd=inside)
        deeper = os.open("deep", os.O_RDONLY, dir_fd=inside)
        os.close(inside)
        inside = deeper
    os.close(inside)
    folder.file(b"deep", 0o644, (b"1",))
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["deep"]
    assert (tmp_path / "root/deep").read_bytes() == b"1"
