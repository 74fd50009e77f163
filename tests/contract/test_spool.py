import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowforge.adapters.spool.folder import FolderSpool
from flowforge.errors import Upstream
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Lease
from flowforge.ports import Spool
from flowforge.testing.spool import MemorySpool

KEY = AttemptKey(run=3, job=14, number=1)
LATER = AttemptKey(run=15, job=92, number=2)


@pytest.fixture(params=["memory", "folder"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Spool:
    makers: dict[str, Callable[[], Spool]] = {
        "memory": MemorySpool,
        "folder": lambda: FolderSpool(tmp_path / "spool"),
    }
    return makers[request.param]()


def test_held_leases_come_back_in_order_of_their_attempts(spool: Spool) -> None:
    leases = [Lease(attempt=LATER, token="b"), Lease(attempt=KEY, token="a")]
    for lease in leases:
        spool.hold(lease, "")
    assert list(spool.held()) == [leases[1], leases[0]]


def test_holding_again_replaces_the_token_and_the_note(spool: Spool) -> None:
    spool.hold(Lease(attempt=KEY, token="a"), "first")
    spool.note(KEY, "half way")
    spool.hold(Lease(attempt=KEY, token="b"), "anew")
    assert list(spool.held()) == [Lease(attempt=KEY, token="b")]
    assert spool.noted(KEY) == "anew"


def test_the_newest_note_counts(spool: Spool) -> None:
    assert spool.noted(KEY) == ""
    spool.note(KEY, "one")
    spool.note(KEY, 'two\n"ü"\0')
    assert spool.noted(KEY) == 'two\n"ü"\0'
    assert spool.noted(LATER) == ""
    assert list(spool.held()) == []


def test_dropping_forgets_lease_and_note_and_may_be_repeated(spool: Spool) -> None:
    spool.hold(Lease(attempt=KEY, token="a"), "")
    spool.hold(Lease(attempt=LATER, token="b"), "")
    spool.note(KEY, "half way")
    spool.drop(KEY)
    spool.drop(KEY)
    assert list(spool.held()) == [Lease(attempt=LATER, token="b")]
    assert spool.noted(KEY) == ""


def test_a_folder_remembers_between_lives(tmp_path: Path) -> None:
    first = FolderSpool(tmp_path)
    first.hold(Lease(attempt=KEY, token="a"), "")
    first.note(KEY, "half way")
    first.hold(Lease(attempt=LATER, token="b"), "")
    first.drop(LATER)
    second = FolderSpool(tmp_path)
    assert list(second.held()) == [Lease(attempt=KEY, token="a")]
    assert second.noted(KEY) == "half way"


def test_only_the_owner_can_read_the_folder_and_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    FolderSpool(folder).hold(Lease(attempt=KEY, token="a"), "")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("3.14.1.json", b'{"token": "a", "no'),
        ("3.14.1.json", b""),
        ("3.14.1.json", b"\xff\xfe"),
        ("3.14.1.json", b'["a"]'),
        ("3.14.1.json", b'{"token": 1, "note": ""}'),
        ("3.14.1.json", b" " * (1024 * 1024 + 1)),
        ("03.14.1.json", b'{"token": "a", "note": ""}'),
        ("notes.txt", b"mine"),
    ],
)
def test_torn_and_foreign_files_are_set_aside(tmp_path: Path, name: str, content: bytes) -> None:
    FolderSpool(tmp_path).hold(Lease(attempt=LATER, token="b"), "")
    (tmp_path / name).write_bytes(content)
    spool = FolderSpool(tmp_path)
    assert list(spool.held()) == [Lease(attempt=LATER, token="b")]
    assert (tmp_path / "unreadable" / name).read_bytes() == content
    spool.hold(Lease(attempt=KEY, token="a"), "")
    assert len(FolderSpool(tmp_path).held()) == 2


def test_links_and_pipes_are_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere"
    secret.write_text('{"token": "a", "note": ""}')
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "3.14.1.json").symlink_to(secret)
    os.mkfifo(folder / "3.14.2.json")
    assert list(FolderSpool(folder).held()) == []
    assert secret.exists()


def test_a_file_half_written_by_a_killed_process_is_removed(tmp_path: Path) -> None:
    FolderSpool(tmp_path).hold(Lease(attempt=KEY, token="a"), "")
    (tmp_path / "3.14.1.new").write_bytes(b'{"tok')
    assert list(FolderSpool(tmp_path).held()) == [Lease(attempt=KEY, token="a")]
    assert [path.name for path in tmp_path.iterdir()] == ["3.14.1.json"]


def test_a_folder_that_cannot_be_written_to_is_a_clear_error(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = FolderSpool(folder)
    folder.rmdir()
    with pytest.raises(Upstream, match="cannot write to the spool folder"):
        spool.note(KEY, "lost")
    assert spool.noted(KEY) == ""


def test_the_newest_token_that_was_sought_is_remembered(spool: Spool) -> None:
    assert spool.sought() == ""
    spool.seek("one")
    spool.seek("two")
    assert spool.sought() == "two"
    assert list(spool.held()) == []


@pytest.mark.parametrize("content", [None, b"x" * 500])
def test_a_token_survives_a_restart_and_what_is_none_is_forgotten(
    tmp_path: Path, content: bytes | None
) -> None:
    FolderSpool(tmp_path).seek("a-token")
    if content:
        (tmp_path / "sought").write_bytes(content)
    assert FolderSpool(tmp_path).sought() == ("" if content else "a-token")
    assert (tmp_path / "sought").stat().st_mode & 0o777 == 0o600
