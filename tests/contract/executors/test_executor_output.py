"""A step's bytes arrive whole, once and in order."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from flowforge.model.status import Status
from tests.contract.executors.lodge import KEY, Lodge, Pail, script, until
from tests.images import image

MANY = 52_000_000


class Digest:
    """A sink that keeps no bytes. `holds_back` is how far it lags in letting them go."""

    def __init__(self, *, holds_back: int = 0) -> None:
        self.size = 0
        self.hash = hashlib.sha256()
        self._holds_back = holds_back

    async def write(self, data: bytes) -> int:
        self.size += len(data)
        self.hash.update(data)
        return max(0, self.size - self._holds_back)


def expected(size: int) -> str:
    """What `seq` prints, cut off at `size` bytes."""
    digest, left, number = hashlib.sha256(), size, 1
    while left:
        block = b"".join(b"%d\n" % value for value in range(number, number + 10000))[:left]
        digest.update(block)
        left -= len(block)
        number += 10000
    return digest.hexdigest()


async def test_a_long_log_arrives_to_the_byte_and_what_was_stored_is_deleted(lodge: Lodge) -> None:
    order = lodge.order(script(0, f"seq 1 100000000 | head -c {MANY}", shell=("sh",)))
    sink = Digest(holds_back=1000)
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        ended = await room.run(order.steps[0], sink)
        left = sorted(path.name for path in lodge.site.control(KEY).glob("*.log"))
    assert ended.status is Status.SUCCESS
    assert (sink.size, sink.hash.hexdigest()) == (MANY, expected(MANY))
    assert left == ["0.3.log"]


async def test_any_byte_comes_through(lodge: Lodge) -> None:
    text = "for i in 0 1 2 3 4 5 6 7; do printf '\\0\\1\\n\\r\\033[0m\\377\\376##[x]::set-output::\\n'; done"
    story = await lodge.run(lodge.order(text))
    assert story.outputs == [b"\0\1\n\r\x1b[0m\xff\xfe##[x]::set-output::\n" * 8]


async def test_control_words_in_the_output_have_no_effect(lodge: Lodge) -> None:
    text = "echo '6:status,7:failure,'; echo '::error::'; echo '##vso[task.complete result=Failed;]'; echo 0.exit"
    story = await lodge.run(lodge.order(text))
    assert story.exits[0].status is Status.SUCCESS


async def test_both_streams_share_one_order(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order("for i in 1 2 3; do echo out$i; echo err$i >&2; done"))
    assert story.outputs == [b"out1\nerr1\nout2\nerr2\nout3\nerr3\n"]


async def test_a_last_line_without_its_end_is_kept(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order("printf 'no newline'"))
    assert story.outputs == [b"no newline"]


async def test_a_step_ends_with_its_own_process_even_if_another_holds_its_output_open(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order("sleep 50 & echo gone", "echo next"))
    assert story.outputs == [b"gone\n", b"next\n"]


async def test_a_slow_sink_holds_the_reader_back_and_loses_nothing(lodge: Lodge) -> None:
    class Slow(Pail):
        async def write(self, data: bytes) -> int:
            await asyncio.sleep(0.01)
            return await super().write(data)

    order, slow = lodge.order(script(0, "seq 1 200000")), Slow()
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        await room.run(order.steps[0], slow)
    assert slow.data == b"".join(b"%d\n" % n for n in range(1, 200001))


async def test_steps_can_write_neither_logs_nor_records(lodge: Lodge) -> None:
    """Where they are not root; in a container that is the image's choice."""
    if lodge.kind == "docker":
        lodge.image = image("user-name")
    control = "/.flowforge/private" if lodge.kind == "docker" else str(lodge.site.control(KEY))
    story = await lodge.run(
        lodge.order(f"ls {control} && exit 1; echo x > {control}/0.exit && exit 2; exit 0")
    )
    assert story.exits[0].code == 0


@pytest.mark.parametrize("lodge", ["process"], indirect=True)
async def test_unread_output_waits_on_disk_up_to_a_bound(lodge: Lodge, tmp_path: Path) -> None:
    """A job whose reader is away must not fill the disk; the bound is 64 MiB."""
    order = lodge.order(script(0, "head -c 200000000 /dev/zero; touch done", shell=("bash",)))
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        logs = lodge.site.control(KEY).glob
        await until(lambda: sum(path.stat().st_size for path in logs("0.*.log")) >= 48 << 20)
        await asyncio.sleep(0.2)
        assert sum(path.stat().st_size for path in logs("0.*.log")) <= 64 << 20
        sink = Digest()
        ended = await room.run(order.steps[0], sink)
    assert (ended.status, sink.size) == (Status.SUCCESS, 200000000)
