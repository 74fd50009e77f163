"""What only files can suffer: kills, torn indexes, full disks, handles."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowforge.adapters.logs.file import LogFile
from flowforge.adapters.logs.folder import FileLogs
from flowforge.adapters.logs.line_index import BLOCK
from flowforge.errors import Upstream
from flowforge.model.attempt import AttemptKey
from flowforge.model.log import LogSize

KEY = AttemptKey(run=3, job=14, number=1)
LONG = b"".join(b"line %d of a log that has many of them\n" % n for n in range(20_000)) + b"and a last one"
LINES = tuple(LONG.split(b"\n"))
SIZE = LogSize(bytes=len(LONG), lines=len(LINES), sealed=False)


@pytest.fixture
async def logs(tmp_path: Path) -> AsyncIterator[FileLogs]:
    async with FileLogs(tmp_path) as logs:
        yield logs


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "3").iterdir())


def written(folder: Path, data: bytes = LONG) -> LogFile:
    file = LogFile(folder, KEY)
    for at in range(0, len(data), 100_000):
        file.append(at, data[at : at + 100_000])
    return file


def check(file: LogFile, data: bytes = LONG) -> None:
    lines = tuple(data.splitlines())
    assert file.read(0, len(data) + 1) == data
    assert file.size().bytes == len(data)
    for first in (0, 1, 1500, len(lines) - 2):
        assert file.lines(first, 3).lines == lines[first : first + 3]


async def finished(logs: FileLogs, folder: Path) -> None:
    """Compressing happens behind the caller's back, one log after the other."""
    await asyncio.wrap_future(logs._packer.submit(lambda: None))
    assert names(folder) == ["14.1.log.z"]


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_log_goes_on_where_a_killed_process_left_it(tmp_path: Path) -> None:
    written(tmp_path)
    again = LogFile(tmp_path, KEY)
    assert again.size() == SIZE
    assert again.append(len(LONG) - 3, b"one, and more\n") == len(LONG) + 11
    again.close()
    check(LogFile(tmp_path, KEY), LONG + b", and more\n")


@pytest.mark.parametrize(
    "torn",
    [
        b"",
        b"\0" * 40,
        b"\x7f" * 80,
        b"\x00" * 4_000,
        os.urandom(100),
    ],
    ids=["missing", "zeros", "text", "long", "noise"],
)
@pytest.mark.parametrize("kept", [0, 8, 11, 40])
def test_a_torn_line_index_is_counted_anew(tmp_path: Path, torn: bytes, kept: int) -> None:
    written(tmp_path).close()
    index = tmp_path / "3" / "14.1.log.idx"
    good = index.read_bytes()
    index.write_bytes(good[:kept] + torn)
    file = LogFile(tmp_path, KEY)
    assert file.size() == SIZE
    check(file)
    file.close()
    assert index.read_bytes()[: len(good)] == good


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("last", [b"\n", b"x"])
def test_sizes_at_block_edges_survive_a_restart(tmp_path: Path, size: int, last: bytes) -> None:
    data = (b"abc\n" * BLOCK)[: max(size - 1, 0)] + last[:size]
    written(tmp_path, data).close()
    file = LogFile(tmp_path, KEY)
    assert file.size() == LogSize(bytes=size, lines=len(data.splitlines()), sealed=False)
    file.append(size, b"z\n")
    assert file.size().lines == len((data + b"z\n").splitlines())


async def test_a_sealed_log_is_compressed_behind_everybodys_back(logs: FileLogs, tmp_path: Path) -> None:
    await asyncio.to_thread(written, tmp_path)
    reader = logs.read(KEY)
    start = await anext(reader)
    assert (await logs.seal(KEY)).sealed
    await finished(logs, tmp_path)
    assert (tmp_path / "3" / "14.1.log.z").stat().st_size < len(LONG) / 4
    assert start + b"".join([chunk async for chunk in reader]) == LONG
    assert (await logs.lines(KEY, 9_999, 2)).lines == LINES[9_999:10_001]
    assert await logs.size(KEY) == LogSize(bytes=len(LONG), lines=len(LINES), sealed=True)


async def test_a_small_sealed_log_stays_plain(logs: FileLogs, tmp_path: Path) -> None:
    await logs.append(KEY, 0, b"small")
    await logs.seal(KEY)
    await logs.close()
    assert (tmp_path / "3" / "14.1.sealed.log").read_bytes() == b"small"
    assert LogFile(tmp_path, KEY).size() == LogSize(bytes=5, lines=1, sealed=True)


async def test_compressing_that_was_cut_short_is_taken_up_at_the_next_start(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.seal()
    file.close()
    (tmp_path / "3" / "14.1.log.z.new").write_bytes(b"half")
    (tmp_path / "not a run").mkdir()
    (tmp_path / "not a run" / "x.sealed.log").touch()
    async with FileLogs(tmp_path) as logs:
        await finished(logs, tmp_path)
        assert b"".join([chunk async for chunk in logs.read(KEY)]) == LONG


def test_compressing_gives_up_when_no_longer_wanted(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.seal()
    file.pack(lambda: False)
    assert names(tmp_path) == ["14.1.log.idx", "14.1.sealed.log"]
    check(file)


def test_a_log_removed_while_it_is_compressed_stays_removed(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.seal()

    def removed_meanwhile() -> bool:
        file.remove()
        return True

    file.pack(removed_meanwhile)
    assert "14.1.log.z" not in names(tmp_path)
    assert file.size().bytes == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from flowforge.adapters.logs.file import LogFile
from flowforge.model.attempt import AttemptKey

folder, left = Path(sys.argv[1]), int(sys.argv[2])
file = LogFile(folder, AttemptKey(run=3, job=14, number=1))
file.size()

def hook(event, args):
    global left
    if event in {"open", "os.rename", "os.remove"} and str(args[0]).startswith(str(folder)):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
file.seal()
file.pack(lambda: True)
"""


def test_a_kill_at_any_step_of_sealing_loses_nothing(tmp_path: Path) -> None:
    for step in range(100):
        folder = tmp_path / str(step)
        written(folder).close()
        killed = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(step)], check=False)
        file = LogFile(folder, KEY)
        check(file)
        assert file.seal() == LogSize(bytes=len(LONG), lines=len(LINES), sealed=True)
        file.pack(lambda: True)
        check(file)
        assert names(folder) == ["14.1.log.z"]
        if killed.returncode == 0:
            break
        assert killed.returncode == -9
    assert step > 8


async def test_a_full_disk_is_a_clear_error_and_acknowledges_nothing(logs: FileLogs, tmp_path: Path) -> None:
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "14.1.log").symlink_to("/dev/full")
    with pytest.raises(Upstream, match="is full"):
        await logs.append(KEY, 0, b"abc")
    assert (await logs.size(KEY)).bytes == 0


async def test_a_log_heals_when_the_disk_has_room_again(logs: FileLogs, tmp_path: Path) -> None:
    await logs.append(KEY, 0, b"abc")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(Upstream, match="File too large"):
            await logs.append(KEY, 3, LONG)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "3" / "14.1.log").read_bytes() == b"abc"
    assert await logs.append(KEY, 3, LONG) == 3 + len(LONG)
    check(LogFile(tmp_path, KEY), b"abc" + LONG)


async def test_an_index_that_cannot_be_written_does_not_stop_the_log(logs: FileLogs, tmp_path: Path) -> None:
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "14.1.log.idx").symlink_to("/dev/full")
    assert await logs.append(KEY, 0, LONG) == len(LONG)
    assert (await logs.lines(KEY, 9_999, 1)).lines == LINES[9_999:10_000]


@pytest.mark.parametrize("place", [0, 1000, -3, -30, -60])
async def test_a_damaged_compressed_log_is_a_clear_error(logs: FileLogs, tmp_path: Path, place: int) -> None:
    file = written(tmp_path)
    file.seal()
    file.pack(lambda: True)
    file.close()
    packed = tmp_path / "3" / "14.1.log.z"
    content = bytearray(packed.read_bytes())
    content[place] ^= 0xFF
    packed.write_bytes(content)
    with pytest.raises(Upstream, match="damaged"):
        await logs.lines(KEY, 0, 20_001)
    packed.write_bytes(b"short")
    await logs.close()
    async with FileLogs(tmp_path) as again:
        with pytest.raises(Upstream, match="damaged"):
            await again.size(KEY)


async def test_handles_stay_few_however_many_logs_there_are(tmp_path: Path) -> None:
    before = handles()
    async with FileLogs(tmp_path, open_files=4) as logs:
        follower = logs.follow(KEY)
        for number in range(1, 60):
            await logs.append(AttemptKey(run=3, job=14, number=number), 0, b"abc\n")
        assert await anext(follower) == b"abc\n"
        for number in range(1, 60):
            assert await logs.append(AttemptKey(run=3, job=14, number=number), 4, b"def\n") == 8
        assert await anext(follower) == b"def\n"
        await asyncio.to_thread(logs._threads.shutdown)
        assert handles() - before < 2 * 4 + 8
        logs._threads = ThreadPoolExecutor(1)
    assert handles() - before < 8


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_memory_stays_flat_while_a_log_grows(logs: FileLogs) -> None:
    chunk = (b"x" * 99 + b"\n") * 2_621
    before = resident()
    for number in range(300):
        await logs.append(KEY, number * len(chunk), chunk)
    await logs.seal(KEY)
    assert (await logs.size(KEY)).lines == 300 * 2_621
    assert resident() - before < 50_000_000
