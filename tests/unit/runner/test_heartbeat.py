"""A runner that hears nothing ends what may be another's by now."""

import asyncio
from collections.abc import Collection
from dataclasses import replace

import pytest

from flowforge.errors import NotServing, Upstream
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Lease, Renewal
from flowforge.runner.heartbeat import Heartbeat, Why
from flowforge.runner.rhythm import Rhythm
from flowforge.testing.link import FakeLink

LEASE = Lease(attempt=AttemptKey(run=1, job=2, number=1), token="t")
QUICK = Rhythm(renew=0.02, pause=0.02, deadman=0.3)


class Server(FakeLink):
    """Answers each renewal with `answer`, or raises it."""

    def __init__(self, answer: Renewal | Exception) -> None:
        super().__init__()
        self.answer = answer
        self.asked = 0

    async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
        self.asked += 1
        await asyncio.sleep(wait)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def told(server: Server, seconds: float, *, rhythm: Rhythm = QUICK) -> list[Why]:
    """What a job is told within so many seconds."""
    heartbeat, heard = Heartbeat(server, rhythm), []

    async def stop(why: Why) -> None:
        heard.append(why)

    heartbeat.hold(LEASE)
    heartbeat.heed(LEASE.attempt, stop)
    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(heartbeat.beat()), tasks.create_task(heartbeat.watch())]
        deadline = asyncio.get_running_loop().time() + seconds
        while not heard and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        for task in working:
            task.cancel()
    return heard


async def test_silence_ends_the_job_once() -> None:
    assert await told(Server(Upstream("no answer")), 20) == [Why.UNHEARD]


@pytest.mark.parametrize("answer", [Renewal(), NotServing("nobody serves there")])
async def test_an_answer_of_any_kind_keeps_it(answer: Renewal | Exception) -> None:
    server = Server(answer)
    assert await told(server, 1.0) == []
    assert server.asked > 1


async def test_where_others_may_serve_the_word_of_one_address_keeps_nothing() -> None:
    class Vanishing(Server):
        async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
            if self.asked:
                self.answer = NotServing("nobody serves there")
            return await super().renew(leases, wait)

    assert await told(Vanishing(Renewal(others=True)), 20) == [Why.UNHEARD]
    assert await told(Vanishing(Renewal(others=False)), 1.0) == []


async def test_a_runner_in_its_servers_process_waits_for_ever() -> None:
    near = Rhythm(renew=0.02, pause=0.02)
    assert await told(Server(Upstream("the database is away")), 1.0, rhythm=near) == []


async def test_a_job_that_was_just_claimed_is_confirmed_without_waiting() -> None:
    """An outage that begins in its first seconds is then no other than a later one."""
    waits: list[float] = []

    class Noting(Server):
        async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
            waits.append(wait)
            return await super().renew(leases, wait)

    heartbeat = Heartbeat(Noting(Renewal()), replace(QUICK, renew=0.01, deadman=60))
    heartbeat.hold(LEASE, since=asyncio.get_running_loop().time() - 50)
    beating = asyncio.create_task(heartbeat.beat())
    async with asyncio.timeout(20):
        while len(waits) < 3:
            await asyncio.sleep(0.001)
    beating.cancel()
    await asyncio.wait((beating,))
    assert waits[:3] == [0.0, 0.01, 0.01]


async def test_what_is_lost_and_what_is_cancelled_is_told_apart() -> None:
    key = LEASE.attempt
    assert await told(Server(Renewal(stop=frozenset({key}))), 20) == [Why.CANCELLED]
    assert await told(Server(Renewal(lost=frozenset({key}))), 20) == [Why.SUPERSEDED]


@pytest.mark.parametrize("lease", [2.0, 8.0, 60.0, 600.0])
def test_a_job_has_ended_before_its_lease_is_over(lease: float) -> None:
    """Half a lease of silence passes unseen: the last renewal before it, the silence, and one try behind it."""
    grace = max(0.5, min(10.0, lease / 6))
    rhythm = Rhythm.afar(lease, grace)
    assert rhythm.deadman is not None
    assert rhythm.deadman + min(grace, lease / 2) <= lease
    assert lease < 8 or rhythm.renew + lease / 2 + rhythm.pause <= rhythm.deadman


@pytest.mark.parametrize("lease", [2.0, 8.0, 60.0, 600.0])
def test_a_job_that_was_just_claimed_has_time_for_its_first_renewal(lease: float) -> None:
    """It counts as heard of two claims ago."""
    rhythm = Rhythm.afar(lease, max(0.5, min(10.0, lease / 6)))
    assert rhythm.deadman is not None
    assert 2 * rhythm.claim + rhythm.renew / 2 < rhythm.deadman


class Doomed(FakeLink):
    """A renewal fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = asyncio.Event()

    async def renew(self, leases: Collection[Lease], wait: float) -> Renewal:
        await self.failing.wait()
        raise Upstream("no answer")


@pytest.mark.parametrize("turns", range(5))
async def test_an_end_that_comes_with_an_error_is_heeded(turns: int) -> None:
    link = Doomed()
    heartbeat = Heartbeat(link, Rhythm(renew=0.02, pause=0.02))
    heartbeat.hold(LEASE)
    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(heartbeat.beat())
        await asyncio.sleep(0.01)
        link.failing.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        beating.cancel()
        _, waiting = await asyncio.wait({beating}, timeout=5)
        beating.cancel()
    assert not waiting
