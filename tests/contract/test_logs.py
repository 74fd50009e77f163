import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flowforge.adapters.logs.folder import FileLogs
from flowforge.errors import Conflict
from flowforge.model.attempt import AttemptKey
from flowforge.model.log import LogLines, LogSize
from flowforge.ports import Logs
from flowforge.testing.logs import MemoryLogs

KEY = AttemptKey(run=3, job=14, number=1)
RETRY = AttemptKey(run=3, job=14, number=2)
OTHER_RUN = AttemptKey(run=31, job=14, number=1)
LONG = b"".join(b"line %d of a log that has many of them\n" % n for n in range(20_000))


@pytest.fixture(params=["memory", "folder"])
async def logs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Logs]:
    if request.param == "memory":
        yield MemoryLogs()
        return
    async with FileLogs(tmp_path / "logs", open_files=2) as logs:
        yield logs


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def write(logs: Logs, key: AttemptKey, data: bytes, *, step: int = 50_000) -> None:
    for at in range(0, len(data), step):
        chunk = data[at : at + step]
        assert await logs.append(key, at, chunk) == at + len(chunk)


async def test_what_was_appended_is_read_back(logs: Logs) -> None:
    assert await logs.append(KEY, 0, b"one\ntwo\n") == 8
    assert await logs.append(KEY, 8, b"three") == 13
    assert await whole(logs.read(KEY)) == b"one\ntwo\nthree"
    assert await logs.size(KEY) == LogSize(bytes=13, lines=3, sealed=False)


async def test_a_log_nobody_wrote_is_empty(logs: Logs) -> None:
    assert await logs.size(KEY) == LogSize(bytes=0, lines=0, sealed=False)
    assert await whole(logs.read(KEY)) == b""
    assert await logs.lines(KEY, 0, 10) == LogLines(first=0, lines=(), total=0)


async def test_each_attempt_has_a_log_of_its_own(logs: Logs) -> None:
    await logs.append(KEY, 0, b"first")
    await logs.append(RETRY, 0, b"second")
    assert await whole(logs.read(KEY)) == b"first"
    assert await whole(logs.read(RETRY)) == b"second"


@pytest.mark.parametrize("offset", range(7))
async def test_an_append_sent_again_stores_only_what_is_new(logs: Logs, offset: int) -> None:
    await logs.append(KEY, 0, b"abcdef")
    assert await logs.append(KEY, offset, b"abcdefghi"[offset:]) == 9
    assert await whole(logs.read(KEY)) == b"abcdefghi"


async def test_an_append_that_is_there_already_changes_nothing(logs: Logs) -> None:
    await logs.append(KEY, 0, b"abcdef")
    assert await logs.append(KEY, 1, b"bcd") == 6
    assert await logs.append(KEY, 6, b"") == 6
    assert await whole(logs.read(KEY)) == b"abcdef"


async def test_a_gap_stores_nothing_and_answers_where_to_go_on(logs: Logs) -> None:
    await logs.append(KEY, 0, b"abc")
    assert await logs.append(KEY, 4, b"efg") == 3
    assert await whole(logs.read(KEY)) == b"abc"


async def test_appends_at_the_same_time_end_in_one_order(logs: Logs) -> None:
    pieces = [LONG[at : at + 30_000] for at in range(0, len(LONG), 30_000)]
    async with asyncio.TaskGroup() as tasks:
        for index, piece in enumerate(pieces):
            tasks.create_task(logs.append(KEY, index * 30_000, piece))
            tasks.create_task(logs.append(KEY, index * 30_000, piece))
    assert await whole(logs.read(KEY)) == LONG


@pytest.mark.parametrize("sealed", [False, True])
async def test_every_range_of_bytes_can_be_read(logs: Logs, sealed: bool) -> None:
    await write(logs, KEY, LONG)
    if sealed:
        await logs.seal(KEY)
    size = len(LONG)
    edges = [0, 1, 65_535, 65_536, 262_143, 262_144, 262_145, 600_001, size - 1, size]
    for start in edges:
        for end in [edge for edge in edges if edge >= start] + [size + 5]:
            assert await whole(logs.read(KEY, start, end)) == LONG[start:end]
        assert await whole(logs.read(KEY, start)) == LONG[start:]
    assert await whole(logs.read(KEY, size + 1)) == b""
    assert await whole(logs.read(KEY, 10, 5)) == b""


async def test_reading_comes_in_bounded_chunks(logs: Logs) -> None:
    await write(logs, KEY, LONG)
    assert max([len(chunk) async for chunk in logs.read(KEY)]) <= 256 * 1024


@pytest.mark.parametrize("sealed", [False, True])
async def test_every_range_of_lines_can_be_read(logs: Logs, sealed: bool) -> None:
    await write(logs, KEY, LONG, step=12_345)
    if sealed:
        await logs.seal(KEY)
    lines = LONG.splitlines()
    for first in (0, 1, 511, 512, 513, 1600, 9_999, 19_999, 20_000, 25_000):
        for count in (0, 1, 100, 5_000, 50_000):
            answer = await logs.lines(KEY, first, count)
            assert answer == LogLines(first=first, lines=tuple(lines[first : first + count]), total=20_000)


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"\n\n\n",
        b"no newline",
        b"a\r\nb\rc\n",
        b"nul \0 and \xff\xfe\x1b[31m\n\xc3",
        b"\n" * 200_000,
        b"x" * 10_000_000 + b"\nshort",
        bytes(range(256)) * 3_000,
    ],
    ids=["newline", "newlines", "bare", "returns", "binary", "many", "ten-megabytes", "every-byte"],
)
@pytest.mark.parametrize("sealed", [False, True])
async def test_any_bytes_are_kept_exactly(logs: Logs, data: bytes, sealed: bool) -> None:
    await write(logs, KEY, data, step=262_144)
    if sealed:
        await logs.seal(KEY)
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    assert await whole(logs.read(KEY)) == data
    assert await logs.size(KEY) == LogSize(bytes=len(data), lines=len(lines), sealed=sealed)
    middle = len(lines) // 2
    assert (await logs.lines(KEY, 0, len(lines))).lines == tuple(lines)
    assert (await logs.lines(KEY, middle, 2)).lines == tuple(lines[middle : middle + 2])


async def test_a_last_line_grows(logs: Logs) -> None:
    await logs.append(KEY, 0, b"one\ntw")
    assert (await logs.lines(KEY, 1, 5)).lines == (b"tw",)
    await logs.append(KEY, 6, b"o\n")
    assert await logs.lines(KEY, 1, 5) == LogLines(first=1, lines=(b"two",), total=2)


async def test_sealing_keeps_everything_and_may_be_repeated(logs: Logs) -> None:
    await write(logs, KEY, LONG)
    sealed = LogSize(bytes=len(LONG), lines=20_000, sealed=True)
    assert await logs.seal(KEY) == sealed
    assert await logs.seal(KEY) == sealed
    assert await logs.size(KEY) == sealed
    assert await whole(logs.read(KEY)) == LONG


async def test_a_log_can_be_sealed_empty(logs: Logs) -> None:
    assert await logs.seal(KEY) == LogSize(bytes=0, lines=0, sealed=True)
    assert await logs.size(KEY) == LogSize(bytes=0, lines=0, sealed=True)
    assert await whole(logs.follow(KEY)) == b""


async def test_a_sealed_log_takes_repetitions_and_nothing_new(logs: Logs) -> None:
    await logs.append(KEY, 0, b"abc")
    await logs.seal(KEY)
    assert await logs.append(KEY, 0, b"abc") == 3
    assert await logs.append(KEY, 5, b"abc") == 3
    with pytest.raises(Conflict):
        await logs.append(KEY, 3, b"d")
    assert await whole(logs.read(KEY)) == b"abc"


async def test_a_follower_gets_what_comes_until_the_seal(logs: Logs) -> None:
    await logs.append(KEY, 0, b"abc")
    follower = logs.follow(KEY, 1)
    assert await anext(follower) == b"bc"
    waiting = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(0)
    await logs.append(KEY, 3, b"def")
    assert await waiting == b"def"
    await logs.append(KEY, 6, b"g")
    await logs.seal(KEY)
    assert await whole(follower) == b"g"


async def test_following_may_begin_before_the_log_and_beyond_its_end(logs: Logs) -> None:
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        early = tasks.create_task(whole(logs.follow(KEY)))
        ahead = tasks.create_task(whole(logs.follow(KEY, 5)))
        await asyncio.sleep(0)
        await logs.append(KEY, 0, b"abc")
        await logs.append(KEY, 3, b"defg")
        await logs.seal(KEY)
    assert early.result() == b"abcdefg"
    assert ahead.result() == b"fg"


async def test_followers_go_at_their_own_pace(logs: Logs) -> None:
    slow = logs.follow(KEY)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        quick = [tasks.create_task(whole(logs.follow(KEY))) for _ in range(20)]
        await write(logs, KEY, LONG)
        await logs.seal(KEY)
    assert all(one.result() == LONG for one in quick)
    assert await whole(slow) == LONG


async def test_a_follower_that_leaves_disturbs_nobody(logs: Logs) -> None:
    leaving = asyncio.ensure_future(whole(logs.follow(KEY)))
    staying = asyncio.ensure_future(whole(logs.follow(KEY)))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await logs.append(KEY, 0, b"abc")
    await logs.seal(KEY)
    assert await staying == b"abc"


async def test_a_cancelled_append_can_be_sent_again(logs: Logs) -> None:
    for at in range(0, len(LONG), 100_000):
        lost = asyncio.ensure_future(logs.append(KEY, at, LONG[at : at + 100_000]))
        await asyncio.sleep(0)
        lost.cancel()
        await asyncio.wait([lost])
        await logs.append(KEY, at, LONG[at : at + 100_000])
    assert await whole(logs.read(KEY)) == LONG


async def test_deleting_a_run_removes_its_logs_and_no_others(logs: Logs) -> None:
    for key in (KEY, RETRY, OTHER_RUN):
        await write(logs, key, LONG)
    await logs.seal(RETRY)
    await logs.delete(KEY.run)
    await logs.delete(KEY.run)
    for key in (KEY, RETRY):
        assert await logs.size(key) == LogSize(bytes=0, lines=0, sealed=False)
        assert await whole(logs.read(key)) == b""
    assert await whole(logs.read(OTHER_RUN)) == LONG


async def test_deleting_ends_followers(logs: Logs) -> None:
    follower = logs.follow(KEY)
    await logs.append(KEY, 0, b"abc")
    assert await anext(follower) == b"abc"
    waiting = asyncio.ensure_future(whole(follower))
    await asyncio.sleep(0)
    await logs.delete(KEY.run)
    assert await waiting == b""
