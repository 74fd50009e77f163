"""How little free disk is too little, and what heeds it."""

import errno
from pathlib import Path

import pytest

from flowforge.adapters.data.floor import Floor
from flowforge.adapters.logs.folder import FileLogs
from flowforge.adapters.logs.plain import PlainLog
from flowforge.errors import NoRoom, Upstream
from flowforge.model.attempt import AttemptKey
from flowforge.server.problems import document

KEY = AttemptKey(run=3, job=14, number=1)
MORE_THAN_THERE_IS = 1 << 62


def test_enough_is_not_mentioned(tmp_path: Path) -> None:
    assert Floor(folders=(tmp_path,), least=1).scarce() == ""


def test_too_little_is_named_with_its_folder_and_setting(tmp_path: Path) -> None:
    why = Floor(folders=(tmp_path,), least=MORE_THAN_THERE_IS).scarce()
    assert f"are free in {tmp_path}" in why
    assert "FLOWFORGE_DISK_FLOOR" in why


def test_a_folder_that_is_not_made_yet_lies_where_it_will_be_made(tmp_path: Path) -> None:
    assert Floor(folders=(tmp_path / "to" / "be",), least=1).scarce() == ""


def test_no_floor_asks_for_nothing(tmp_path: Path) -> None:
    assert Floor(folders=(tmp_path,), least=0).scarce() == ""


async def test_a_log_does_not_grow_below_the_floor_and_grows_again_above_it(tmp_path: Path) -> None:
    reasons = ["the disk is almost full", ""]
    async with FileLogs(tmp_path, scarce=lambda: reasons.pop(0)) as logs:
        with pytest.raises(NoRoom, match="almost full"):
            await logs.append(KEY, 0, b"line\n")
        assert (await logs.size(KEY)).bytes == 0
        assert await logs.append(KEY, 0, b"line\n") == 5


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, NoRoom), (errno.EDQUOT, NoRoom), (errno.EIO, Upstream)]
)
async def test_a_disk_that_takes_nothing_is_told_apart_from_one_that_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Upstream]
) -> None:
    def refused(log: PlainLog, data: bytes) -> None:
        raise OSError(number, "refused")

    async with FileLogs(tmp_path) as logs:
        monkeypatch.setattr(PlainLog, "append", refused)
        with pytest.raises(Upstream) as told:
            await logs.append(KEY, 0, b"line\n")
    assert type(told.value) is kind


def test_no_room_is_insufficient_storage_for_a_while() -> None:
    told = document(NoRoom("full", retry_after=1.0))
    assert (told.status, told.headers) == (507, {"Retry-After": "1"})
