import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowforge.engine.mask import Masker
from flowforge.errors import LeaseLost, Upstream
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Claim, Lease
from flowforge.model.order import JobOrder
from flowforge.runner import log_pipe
from flowforge.runner.checkpoint import Checkpoint, Section
from flowforge.runner.log_pipe import DEFAULT_LIMIT, LogPipe, cut_mark
from flowforge.testing.link import FakeLink
from flowforge.testing.spool import MemorySpool

KEY = AttemptKey(run=3, job=14, number=1)
LEASE = Lease(attempt=KEY, token="t")
SECRETS = {"TOKEN": "password1"}


class Server(FakeLink):
    """Stores at once, answers late: a runner may be killed between the two."""

    def __init__(self, delay: int = 0) -> None:
        super().__init__()
        self.claims[KEY] = Claim(lease=LEASE, order=JobOrder(key="k", name="n", steps=()))
        self.delay = delay
        self.appended: list[tuple[int, int]] = []

    async def append_log(self, lease: Lease, offset: int, data: bytes) -> int:
        size = await super().append_log(lease, offset, data)
        self.appended.append((offset, len(data)))
        for _ in range(self.delay):
            await asyncio.sleep(0)
        return size

    async def stored(self) -> bytes:
        return b"".join([chunk async for chunk in self.logs.read(KEY)])


def masked(secrets: Mapping[str, str], data: bytes) -> bytes:
    masker = Masker(secrets)
    return masker.feed(data) + masker.flush()


def pipe_to(
    server: FakeLink,
    spool: MemorySpool,
    tasks: asyncio.TaskGroup,
    secrets: Mapping[str, str] = SECRETS,
    limit: int = DEFAULT_LIMIT,
) -> LogPipe:
    return LogPipe(server, LEASE, spool, Masker(secrets), tasks, Checkpoint.parse(spool.noted(KEY)), limit)


def cut(whole: bytes, limit: int) -> bytes:
    return whole if len(whole) <= limit else whole[:limit] + cut_mark(limit)


async def all_of(pipe: LogPipe, data: bytes) -> Section:
    await pipe.write(data)
    return await pipe.finish()


async def test_steps_become_sections_of_one_masked_log() -> None:
    server, spool = Server(), MemorySpool()
    async with asyncio.TaskGroup() as tasks:
        first = pipe_to(server, spool, tasks)
        await first.write(b"my pass")
        await first.write(b"word1\npass")
        assert await first.finish() == Section(start=0, end=11, raw=17)
        skipped = pipe_to(server, spool, tasks)
        assert await skipped.finish() == Section(start=11, end=11, raw=0)
        last = pipe_to(server, spool, tasks)
        await last.write(b"word1.")
        assert await last.finish() == Section(start=11, end=17, raw=6)
    assert await server.stored() == b"my ***\npassword1."
    assert last.checkpoint.step == 3
    assert Checkpoint.parse(spool.noted(KEY)) == last.checkpoint


async def test_a_log_is_kept_to_its_limit_and_says_where_it_is_cut() -> None:
    server, spool = Server(), MemorySpool()
    async with asyncio.TaskGroup() as tasks:
        freed = await pipe_to(server, spool, tasks, limit=10).write(b"x" * 25)
        assert freed <= 25
    assert await server.stored() == b"x" * 10 + cut_mark(10)


async def test_an_idle_pipe_sends_the_first_bytes_at_once() -> None:
    server = Server()
    async with asyncio.TaskGroup() as tasks:
        await pipe_to(server, MemorySpool(), tasks).write(b"x.")
    assert await server.stored() == b"x."


async def test_bytes_that_come_during_an_append_go_together() -> None:
    server = Server(delay=50)
    async with asyncio.TaskGroup() as tasks:
        pipe = pipe_to(server, MemorySpool(), tasks)
        for _ in range(30):
            await pipe.write(b"line\n")
        await pipe.finish()
    assert server.appended == [(0, 5), (5, 145)]


async def test_a_slow_server_holds_the_writer_back() -> None:
    server = Server()
    gate = asyncio.Event()

    async def stuck(lease: Lease, offset: int, data: bytes) -> int:
        await gate.wait()
        return await FakeLink.append_log(server, lease, offset, data)

    server.append_log = stuck  # type: ignore[method-assign]
    line = b"x" * 99 + b"\n"
    async with asyncio.TaskGroup() as tasks:
        pipe = pipe_to(server, MemorySpool(), tasks)
        writing = tasks.create_task(pipe.write(line * 30_000))
        for _ in range(200):
            await asyncio.sleep(0)
        assert not writing.done()
        gate.set()
        await writing
        await pipe.finish()
    assert await server.stored() == line * 30_000


async def test_what_is_noted_need_never_be_read_again() -> None:
    server, spool = Server(), MemorySpool()
    line = b"x" * 99 + b"\n"
    async with asyncio.TaskGroup() as tasks:
        pipe = pipe_to(server, spool, tasks)
        answers = [await pipe.write(line * 1_000) for _ in range(50)]
        assert answers[0] == 0
        assert answers == sorted(answers)
        assert 3_000_000 < answers[-1] <= 5_000_000
        assert Checkpoint.parse(spool.noted(KEY)).raw == pipe.checkpoint.raw
        await pipe.finish()


async def test_a_lost_lease_is_told_to_the_writer() -> None:
    server = Server()
    async with asyncio.TaskGroup() as tasks:
        pipe = pipe_to(server, MemorySpool(), tasks)
        await pipe.write(b"one\n")
        server.lost.add(KEY)
        with pytest.raises(LeaseLost):
            await all_of(pipe, b"two\n")
        with pytest.raises(LeaseLost):
            await pipe.write(b"three\n")
    assert await server.stored() == b"one\n"


async def test_what_the_server_lost_since_the_last_note_is_sent_again() -> None:
    server = Server()
    async with asyncio.TaskGroup() as tasks:
        pipe = pipe_to(server, MemorySpool(), tasks)
        await pipe.write(b"one\n")
        await server.logs.delete(KEY.run)
        await pipe.write(b"two\n")
        await pipe.finish()
    assert await server.stored() == b"one\ntwo\n"


async def test_what_the_server_lost_before_the_last_note_is_a_clear_error() -> None:
    server, spool = Server(), MemorySpool()
    async with asyncio.TaskGroup() as tasks:
        first = pipe_to(server, spool, tasks)
        await first.write(b"one\n")
        await first.finish()
        await server.logs.delete(KEY.run)
        second = pipe_to(server, spool, tasks)
        with pytest.raises(Upstream, match="acknowledged 4"):
            await all_of(second, b"two\n")


async def test_a_server_that_takes_nothing_is_not_asked_for_ever() -> None:
    server = Server()

    async def refuse(lease: Lease, offset: int, data: bytes) -> int:
        return offset

    server.append_log = refuse  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as tasks:
        pipe = pipe_to(server, MemorySpool(), tasks)
        with pytest.raises(Upstream, match="took none"):
            await all_of(pipe, b"one\n")


@pytest.mark.parametrize(
    "text", ["", "half", "{}", "[]", "7", '{"sections": [1]}', '{"sections": [], "x": 1}']
)
def test_a_note_that_cannot_be_read_is_the_beginning(text: str) -> None:
    assert Checkpoint.parse(text) == Checkpoint()


class Killed(Exception):
    pass


async def live(
    server: Server,
    spool: MemorySpool,
    steps: list[bytes],
    secrets: Mapping[str, str],
    sizes: list[int],
    limit: int,
) -> bool:
    """One life of a runner, killed after as many writes as there are sizes; True when it came to the end."""
    writes = iter(sizes)

    async def work(tasks: asyncio.TaskGroup) -> None:
        for raw in steps[Checkpoint.parse(spool.noted(KEY)).step :]:
            pipe = pipe_to(server, spool, tasks, secrets, limit)
            at = pipe.checkpoint.raw
            while at < len(raw):
                size = next(writes, 0)
                if not size:
                    raise Killed
                freed = await pipe.write(raw[at : at + size])
                at += size
                assert freed == Checkpoint.parse(spool.noted(KEY)).raw <= at
            await pipe.finish()

    killed = False
    try:
        async with asyncio.TaskGroup() as tasks:
            await work(tasks)
    except* Killed:
        killed = True
    return not killed


VALUES = st.text(alphabet="ab1", min_size=6, max_size=12)


@settings(deadline=None)
@given(data=st.data())
def test_a_runner_killed_anywhere_leaves_the_log_whole(data: st.DataObject) -> None:
    secrets = {str(n): value for n, value in enumerate(data.draw(st.lists(VALUES, min_size=1, max_size=3)))}
    known = st.sampled_from([value.encode() for value in secrets.values()])
    body = st.lists(
        st.binary(max_size=6) | known | st.text(alphabet="ab1\r", max_size=9).map(str.encode), max_size=20
    )
    steps = [b"".join(part) for part in data.draw(st.lists(body, min_size=1, max_size=3))]
    limit = data.draw(st.just(DEFAULT_LIMIT) | st.integers(0, 60))
    lives = data.draw(st.lists(st.lists(st.integers(1, 40), max_size=8), max_size=6))

    async def run() -> None:
        server, spool = Server(delay=data.draw(st.integers(0, 6))), MemorySpool()
        for sizes in lives:
            await live(server, spool, steps, secrets, sizes, limit)
        assert await live(server, spool, steps, secrets, [7] * 1000, limit)
        whole = [masked(secrets, raw) for raw in steps]
        assert await server.stored() == cut(b"".join(whole), limit)
        sections = Checkpoint.parse(spool.noted(KEY)).sections
        if limit == DEFAULT_LIMIT:
            assert [section.end - section.start for section in sections] == [len(part) for part in whole]
        assert [section.raw for section in sections] == [len(raw) for raw in steps]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_pipe, "_NOTE_EVERY", data.draw(st.integers(1, 50)))
        patch.setattr(log_pipe, "_APPEND", data.draw(st.integers(1, 50)))
        patch.setattr(log_pipe, "_UNSENT", data.draw(st.integers(1, 100)))
        patch.setattr(log_pipe, "_MASK_AT_ONCE", data.draw(st.integers(1, 20)))
        asyncio.run(run())
