"""The small parts below the executors, where a whole job would be too blunt."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from flowforge.adapters.executors import exit_record, folder_watch, lodging, netstrings
from flowforge.adapters.executors.departures import Departures
from flowforge.adapters.executors.docker.engine import Engine
from flowforge.adapters.executors.docker.engine_socket import EngineSocket
from flowforge.adapters.executors.folder_watch import Changes, FolderWatch
from flowforge.adapters.executors.log_tail import SEGMENT, LogTail
from flowforge.adapters.executors.machinery import Settle
from flowforge.adapters.executors.plan_file import Surroundings
from flowforge.adapters.executors.room import Ending
from flowforge.adapters.executors.room_folder import RoomFolder, Tampered
from flowforge.adapters.executors.rooms import Rooms
from flowforge.errors import EngineUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.order import JobOrder
from flowforge.model.status import Cause, Status
from flowforge.testing.executor import Act, FakeExecutor, Misuse
from flowforge.testing.sources import FakeSources
from tests.contract.executors.lodge import KEY, Pail, new_site, script, steps


@pytest.fixture
def folder(tmp_path: Path) -> RoomFolder:
    return RoomFolder.make(tmp_path / "control")


def test_pairs_come_back_as_they_were_packed() -> None:
    pairs = [("a", b"1"), ("env", b"X=5:hello,\n\0"), ("", b"")]
    assert netstrings.unpack(netstrings.pack(pairs)) == pairs


@pytest.mark.parametrize("data", [b"1:a,", b"1:a,1:b", b"x", b"-1:,", b"5:a,", b"1:ab,", b"9999999999:a,"])
def test_what_is_no_pairs_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"netstring|name without"):
        netstrings.unpack(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        netstrings.pack([("status", "fine"), ("bytes", "0")]),
        netstrings.pack([("status", "running"), ("bytes", "0")]),
    ],
)
def test_a_record_that_makes_no_sense_is_tampering(data: bytes) -> None:
    with pytest.raises(Tampered):
        exit_record.parse(data)


def test_an_unknown_cause_is_the_machinerys() -> None:
    record = exit_record.parse(netstrings.pack([("status", "failure"), ("cause", "news"), ("bytes", "0")]))
    ended = exit_record.to_exit(record, script(0, "true"), JobOrder(key="a", name="a", steps=()), "")
    assert (ended.status, ended.cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)


def test_a_log_is_read_from_any_byte_across_segments(folder: RoomFolder) -> None:
    first, second = os.urandom(SEGMENT), b"the rest"
    (folder.path / "0.0.log").write_bytes(first)
    (folder.path / "0.1.log").write_bytes(second)
    tail, data = LogTail(folder, 0, SEGMENT - 10), b""
    while part := tail.read():
        data += part
    assert data == first[-10:] + second
    tail.check_end(SEGMENT + len(second))
    tail.forget(SEGMENT)
    assert [path.name for path in folder.path.iterdir()] == ["0.1.log"]
    tail.close()


def test_bytes_that_were_read_and_are_gone_are_tampering(folder: RoomFolder) -> None:
    log = folder.path / "0.0.log"
    log.write_bytes(b"x" * 100)
    tail = LogTail(folder, 0, 0)
    assert len(tail.read()) == 100
    log.write_bytes(b"")
    with pytest.raises(Tampered, match="shrank"):
        tail.read()
    tail.close()


def test_a_pipe_in_place_of_a_log_does_not_hold_the_reader(folder: RoomFolder) -> None:
    os.mkfifo(folder.path / "0.0.log")
    with pytest.raises(Tampered):
        LogTail(folder, 0, 0).read()


def test_what_lies_in_the_way_of_a_file_is_tampering(folder: RoomFolder) -> None:
    (folder.path / ".stop.draft").mkdir()
    folder.write("stop", b"enough")
    assert folder.read("stop") == b"enough"
    (folder.path / "0.answer" / "x").mkdir(parents=True)
    with pytest.raises(Tampered, match=r"0\.answer"):
        folder.write("0.answer", b"")


async def test_a_removal_that_breaks_harms_no_other() -> None:
    done = []

    async def broken() -> None:
        raise RuntimeError("boom")

    async def fine() -> None:
        done.append("fine")

    async with Departures() as departures:
        await departures.add(broken())
        await departures.add(fine())
    await departures.add(broken())
    assert done == ["fine"]


async def test_sweeps_at_once_and_rooms_opened_meanwhile_do_no_harm(tmp_path: Path) -> None:
    machinery = SlowMachinery()
    site, order = new_site(tmp_path), JobOrder(key="a", name="a", steps=())
    old, new = AttemptKey(run=1, job=1, number=1), AttemptKey(run=2, job=2, number=1)
    lodging.make(site, old)
    machinery.things.add(old)
    async with (
        asyncio.timeout(10),
        Rooms(site, FakeSources({}), machinery) as rooms,
        asyncio.TaskGroup() as group,
    ):
        sweeps = [group.create_task(rooms.sweep(())) for _ in range(2)]
        await machinery.evicting.wait()
        async with rooms.open(new, order) as room:
            await room.begin({})
            machinery.go_on.set()
            swept = [await sweep for sweep in sweeps]
            assert machinery.things == {new}
    assert swept == [(f"room {old}",), ()]


class SlowMachinery:
    """Its things are names, and it takes them away when it is told to go on."""

    def __init__(self) -> None:
        self.things: set[AttemptKey] = set()
        self.evicting = asyncio.Event()
        self.go_on = asyncio.Event()

    async def move_in(
        self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]
    ) -> Surroundings | None:
        del key, order, secrets
        return None

    async def prepare(self, key: AttemptKey, order: JobOrder, secrets: Mapping[str, str]) -> Surroundings:
        del order, secrets
        self.things.add(key)
        return Surroundings(workspace="/w", scripts="/s", grace=1)

    async def start(self, key: AttemptKey, folder: RoomFolder, settle: Settle) -> None:
        del key
        settle()
        folder.write("alive", b"")

    async def autopsy(self, key: AttemptKey) -> Ending | None:
        del key
        return None

    async def evict(self, key: AttemptKey) -> None:
        self.evicting.set()
        await self.go_on.wait()
        self.things.discard(key)

    async def strays(self, keep: Collection[AttemptKey]) -> Sequence[str]:
        gone = [key for key in self.things if key not in keep]
        self.things.difference_update(gone)
        return [f"thing {key}" for key in gone]


def test_a_record_may_not_be_large(folder: RoomFolder) -> None:
    (folder.path / "0.exit").touch()
    os.truncate(folder.path / "0.exit", 1 << 40)
    with pytest.raises(Tampered):
        folder.read("0.exit")


async def test_a_change_ends_the_wait(folder: RoomFolder) -> None:
    watch = FolderWatch()
    async with asyncio.timeout(10):
        with watch.watch(folder.path) as changes:
            folder.write("stop", b"")
            await changes.wait()


async def test_where_nothing_is_announced_the_wait_is_short_and_grows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(folder_watch.sys, "platform", "darwin")
    with FolderWatch().watch(Path("/nowhere")) as changes:
        assert isinstance(changes, Changes)
        async with asyncio.timeout(10):
            for _ in range(8):
                await changes.wait()
        changes.found()
        changes.clear()


@asynccontextmanager
async def engine_that_answers(tmp_path: Path, answer: bytes | None) -> AsyncIterator[EngineSocket]:
    """With None, one that takes the call and says nothing."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()
        await writer.wait_closed()
        over.set()

    async with await asyncio.start_unix_server(serve, tmp_path / "engine.sock"):
        yield EngineSocket(f"unix://{tmp_path}/engine.sock")
        await over.wait()


ANSWERS = {
    "nothing": b"",
    "no HTTP": b"hello\r\n\r\n",
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nApi-Version: 1.41\r\n\r\n{",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nApi-Version: 1.41\r\n\r\nhello",
    "a refusal": b'HTTP/1.1 500 No\r\nContent-Length: 16\r\nApi-Version: 1.41\r\n\r\n{"message":"no"}',
    "an old one": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nApi-Version: 1.12\r\n\r\nOK",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_an_engine_that_answers_nonsense_is_unavailable(tmp_path: Path, answer: bytes) -> None:
    async with engine_that_answers(tmp_path, answer) as socket:
        with pytest.raises(EngineUnavailable):
            await Engine(socket).state("name")


async def test_an_engine_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    async with engine_that_answers(tmp_path, None) as socket:
        with pytest.raises(EngineUnavailable, match="does not answer in time"):
            await socket.call("GET", "/_ping", deadline=0.05)


async def test_the_fake_finds_steps_out_of_order() -> None:
    order = JobOrder(key="a", name="a", steps=steps("one", "two"))
    executor = FakeExecutor()
    async with executor.open(KEY, order) as room:
        await room.begin({})
        with pytest.raises(Misuse, match="step 1 was asked for when step 0 is next"):
            await room.run(order.steps[1], Pail())
        await room.run(order.steps[0], Pail())
        with pytest.raises(Misuse):
            await room.run(order.steps[0], Pail())
    with pytest.raises(Misuse, match="was left"):
        await room.run(order.steps[1], Pail())


async def test_the_fake_finds_a_room_that_is_opened_twice() -> None:
    executor, order = FakeExecutor(), JobOrder(key="a", name="a", steps=())
    async with executor.open(KEY, order) as room:
        await room.begin({})
        with pytest.raises(Misuse, match="open already"):
            async with executor.open(KEY, order):
                pytest.fail("opened twice")


async def test_the_fake_lets_a_lasting_act_end_when_told() -> None:
    executor = FakeExecutor({"wait": Act(lasts=True, output=b"hi", code=0)})
    order, key = JobOrder(key="a", name="a", steps=steps("wait")), AttemptKey(run=1, job=1, number=1)
    async with asyncio.timeout(10), executor.open(key, order) as room, asyncio.TaskGroup() as group:
        await room.begin({})
        running = group.create_task(room.run(order.steps[0], Pail()))
        executor.let_end("wait")
    assert running.result().status is Status.SUCCESS
    assert executor.removed[key].begun == [0]


async def test_the_fake_can_be_down() -> None:
    executor = FakeExecutor()
    executor.down = "the engine sleeps"
    assert not (await executor.probe()).usable
    with pytest.raises(EngineUnavailable, match="sleeps"):
        async with executor.open(KEY, JobOrder(key="a", name="a", steps=())) as room:
            await room.begin({})
