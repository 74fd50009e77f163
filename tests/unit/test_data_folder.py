"""The data folder: private, stable, safe against what others put in its way."""

import os
from pathlib import Path

import pytest

from flowforge.adapters.data import folder as module
from flowforge.adapters.data.folder import DataFolder


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.prepare()
    return made


def test_nobody_else_may_look_in(data: DataFolder) -> None:
    for folder in (data.path, data.keys, data.run_logs, data.mirrors, data.spool):
        assert folder.stat().st_mode & 0o077 == 0


def test_its_name_and_its_secret_stay_what_they_are(data: DataFolder) -> None:
    assert data.instance() == DataFolder(data.path).instance()
    assert data.webhook_secret() == DataFolder(data.path).webhook_secret()
    assert len(data.webhook_secret()) >= 32
    assert (data.keys / "webhook.secret").stat().st_mode & 0o777 == 0o600


def test_two_folders_have_two_names(tmp_path: Path, data: DataFolder) -> None:
    other = DataFolder(tmp_path / "other")
    other.prepare()
    assert other.instance() != data.instance()


def test_of_two_who_make_a_name_at_once_both_get_the_same(data: DataFolder) -> None:
    place = data.path / "name"

    def mine() -> str:
        place.write_text("the other's\n")
        return "mine"

    assert module._kept(place, mine) == "the other's"


def test_the_local_token_is_for_its_owner(data: DataFolder) -> None:
    data.write_local_token("one")
    data.write_local_token("two")
    assert data.local_token.read_text() == "two\n"
    assert data.local_token.stat().st_mode & 0o777 == 0o600
    data.remove_local_token()
    data.remove_local_token()
    assert not data.local_token.exists()


def test_rooms_are_in_memory_where_there_is_room(data: DataFolder, tmp_path: Path) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    assert data.rooms(memory) == memory / f"flowforge-{data.instance()}"
    assert data.rooms(memory).stat().st_mode & 0o077 == 0


def test_memory_is_left_as_it_was_once_no_room_is_there(data: DataFolder, tmp_path: Path) -> None:
    rooms = data.rooms(tmp_path)
    (rooms / "one").mkdir()
    data.leave_rooms(tmp_path)
    assert rooms.exists()
    (rooms / "one").rmdir()
    data.leave_rooms(tmp_path)
    assert not rooms.exists()


def test_rooms_are_in_the_folder_where_memory_is_not_to_be_had(data: DataFolder, tmp_path: Path) -> None:
    assert data.rooms(tmp_path / "missing") == data.path / "rooms"


@pytest.mark.parametrize("trap", ["link", "open", "file"])
def test_a_place_in_memory_that_is_not_ours_alone_is_not_used(
    data: DataFolder, tmp_path: Path, trap: str
) -> None:
    memory, elsewhere = tmp_path / "memory", tmp_path / "elsewhere"
    memory.mkdir()
    elsewhere.mkdir(mode=0o700)
    place = memory / f"flowforge-{data.instance()}"
    if trap == "link":
        place.symlink_to(elsewhere)
    elif trap == "open":
        place.mkdir()
        os.chmod(place, 0o777)  # noqa: PTH101
    else:
        place.write_text("")
    assert data.rooms(memory) == data.path / "rooms"
