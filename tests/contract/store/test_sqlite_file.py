"""What a file on disk adds: locks, modes, one server each."""

import asyncio
import os
import sqlite3
import stat
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from flowforge.adapters.store import open_store
from flowforge.errors import BadInput, Conflict, StoreUnavailable
from tests.contract.store.things import event

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some" / "folder" / "flowforge.db"


async def hold_locked(file: Path) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(file), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    return process


async def test_a_write_waits_for_another_process_that_holds_the_database(file: Path) -> None:
    store = open_store(f"sqlite:///{file}", patience=60.0)
    holder = await hold_locked(file)
    writing = asyncio.ensure_future(store.write(lambda tx: tx.events.append([event()])))
    done, _ = await asyncio.wait([writing], timeout=0.5)
    assert not done
    assert await store.read(lambda tx: tx.events.last()) == 0
    await holder.communicate(b"")
    await writing
    assert await store.read(lambda tx: tx.events.last()) == 1
    await store.close()


async def test_a_database_held_for_too_long_is_an_error_and_no_end(file: Path) -> None:
    store = open_store(f"sqlite:///{file}", patience=0.2)
    holder = await hold_locked(file)
    with pytest.raises(StoreUnavailable) as caught:
        await store.write(lambda tx: tx.events.append([event()]))
    assert caught.value.retry_after == 5.0
    await holder.communicate(b"")
    await store.write(lambda tx: tx.events.append([event()]))
    assert await store.read(lambda tx: tx.events.last()) == 1
    await store.close()


async def test_those_who_wait_for_a_locked_file_are_told_together(file: Path) -> None:
    store = open_store(f"sqlite:///{file}", patience=0.2)
    holder = await hold_locked(file)
    async with asyncio.timeout(5):
        answers = await asyncio.gather(
            *(store.write(lambda tx: None) for _ in range(100)), return_exceptions=True
        )
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    await holder.communicate(b"")
    await store.close()


async def test_a_second_server_on_the_same_file_is_refused(file: Path) -> None:
    store = open_store(f"sqlite:///{file}")
    with pytest.raises(Conflict) as caught:
        open_store(f"sqlite:///{file}")
    assert str(file) in caught.value.message
    assert str(os.getpid()) in caught.value.message
    await store.close()
    await open_store(f"sqlite:///{file}").close()


async def test_only_the_owner_may_read_the_files(file: Path) -> None:
    store = open_store(f"sqlite:///{file}")
    await store.write(lambda tx: tx.events.append([event()]))
    names = {path.name for path in file.parent.iterdir()}
    assert names == {f"flowforge.db{suffix}" for suffix in ("", "-wal", "-shm", ".lock")}
    assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}
    await store.close()


async def test_a_closed_store_leaves_one_whole_file(file: Path) -> None:
    store = open_store(f"sqlite:///{file}")
    await store.write(lambda tx: tx.events.append([event("x")]))
    await store.close()
    assert {path.name for path in file.parent.iterdir()} == {"flowforge.db", "flowforge.db.lock"}
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT id, status FROM events").fetchall() == [(1, "x")]
    connection.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(b"precious" * 1_000)
    with pytest.raises(StoreUnavailable):
        open_store(f"sqlite:///{file}")
    assert file.read_bytes() == b"precious" * 1_000


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://x/y", "sqlite:///x.db?mode=ro"]
)
def test_what_is_no_database_url_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        open_store(url)
