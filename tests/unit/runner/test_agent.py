"""The agent over the real services and a fake executor: it carries out, it heeds, it goes on after a kill."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from flowforge.errors import LeaseLost, Upstream
from flowforge.model.attempt import AttemptKey
from flowforge.model.claim import Claim
from flowforge.model.event import EventKind
from flowforge.model.order import JobOrder, StepOrder
from flowforge.model.plan import Plan, PlannedJob
from flowforge.model.secret_ref import SecretRef
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Script, When
from flowforge.ports import RunnerLink
from flowforge.runner.agent import Agent
from flowforge.runner.assignment import Assignment
from flowforge.runner.log_pipe import cut_mark
from flowforge.runner.patient import PatientLink
from flowforge.runner.rhythm import Rhythm
from flowforge.services.control import Control
from flowforge.services.progress import EVENTS
from flowforge.testing.checker import read_history, violations
from flowforge.testing.executor import Act, FakeExecutor, FakeRoom
from flowforge.testing.spool import MemorySpool
from tests.unit.services.world import World, a_token

QUICK = Rhythm(claim=0.2, renew=0.2, probe=0.01)


def job(key: str, *scripts: str, needs: tuple[str, ...] = (), last: When = When.ON_SUCCESS) -> PlannedJob:
    steps = [StepOrder(index=i, name=text, do=Script(text=text)) for i, text in enumerate(scripts)]
    steps[-1] = replace(steps[-1], when=last)
    return PlannedJob(order=JobOrder(key=key, name=key, steps=tuple(steps)), needs=needs)


@dataclass
class Machine:
    """A world with one runner in it."""

    world: World
    executor: FakeExecutor
    spool: MemorySpool = field(default_factory=MemorySpool)
    told: list[str] = field(default_factory=list)

    async def start(self, *jobs: PlannedJob) -> int:
        return await self.world.planned_as(Plan(jobs=jobs))

    @asynccontextmanager
    async def agent(self, slots: int = 2) -> AsyncIterator[None]:
        """At work inside the block; leaving it is like a kill: whatever it held, it holds no more."""
        link: RunnerLink = PatientLink(await self.world.runner())
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            agent = Agent(link, self.executor, self.spool, slots, self.hear, QUICK)
            working = tasks.create_task(agent.serve())
            yield
            working.cancel()

    async def hear(self, note: str) -> None:
        self.told.append(note)

    async def tell_nobody(self, note: str) -> None:
        """For an agent that is not asked what it says."""

    async def until(self, run_id: int, *statuses: Status) -> Status:
        rung = self.world.bell.listen(EVENTS)
        while (run := await self.world.run(run_id)).status not in statuses:
            await rung.wait(1)
        return run.status

    async def over(self, run_id: int) -> Status:
        return await self.until(run_id, Status.SUCCESS, Status.FAILURE, Status.CANCELLED)

    async def running(self, count: int) -> tuple[AttemptKey, ...]:
        """Wait until so many rooms have begun their step."""
        while len(keys := [key for key, fake in self.executor.jobs.items() if fake.begun]) < count:
            await asyncio.sleep(0.001)
        return tuple(keys)

    async def log(self, key: AttemptKey) -> bytes:
        return b"".join([chunk async for chunk in self.world.logs.read(key)])


def machine(world: World, acts: Mapping[str, Act] | None = None) -> Machine:
    return Machine(world, FakeExecutor(acts or {}))


@pytest.fixture
def world() -> World:
    return World()


async def test_a_run_is_carried_out_with_its_logs_and_steps(world: World) -> None:
    with_output = machine(world, {"make": Act(output=b"made\n"), "test": Act(output=b"tested\n")})
    run_id = await with_output.start(job("build", "make", "test"))
    async with with_output.agent():
        assert await with_output.over(run_id) is Status.SUCCESS
    key = AttemptKey(run=run_id, job=1, number=1)
    assert await with_output.log(key) == b"made\ntested\n"
    steps = await world.store.read(lambda tx: tx.steps.of((key,)))
    assert [(step.status, step.log_start, step.log_end) for step in steps] == [
        (Status.SUCCESS, 0, 5),
        (Status.SUCCESS, 5, 12),
    ]
    assert with_output.executor.jobs == {}
    assert with_output.spool.held() == []


async def test_a_failing_step_fails_its_job_and_what_needs_it_is_skipped(world: World) -> None:
    failing = machine(world, {"make": Act(code=3)})
    run_id = await failing.start(
        job("build", "make", "never", "tidy", last=When.ALWAYS), job("test", "x", needs=("build",))
    )
    async with failing.agent():
        assert await failing.over(run_id) is Status.FAILURE
    run = await world.run(run_id)
    assert (run.cause, run.reason) == (Cause.EXIT, 'job "build": step "make" ended with exit code 3')
    assert await world.statuses(run_id) == {"build": "failure", "test": "skipped"}
    steps = await world.store.read(lambda tx: tx.steps.of((AttemptKey(run=run_id, job=1, number=1),)))
    assert [step.status.value for step in steps] == ["failure", "skipped", "success"]


async def test_no_more_jobs_than_slots_run_at_once(world: World) -> None:
    slow = machine(world, {"wait": Act(lasts=True)})
    run_id = await slow.start(*(job(f"j{i}", "wait") for i in range(4)))
    async with slow.agent(slots=2):
        await slow.running(2)
        await asyncio.sleep(0.05)
        assert len(slow.executor.jobs) == 2
        slow.executor.let_end("wait")
        assert await slow.over(run_id) is Status.SUCCESS


async def test_a_cancel_stops_the_room(world: World) -> None:
    slow = machine(world, {"wait": Act(output=b"begun\n", lasts=True)})
    run_id = await slow.start(job("build", "wait", "never"))
    async with slow.agent():
        (key,) = await slow.running(1)
        await Control(world.store, world.bell, world.clock).cancel(run_id, "ann")
        assert await slow.over(run_id) is Status.CANCELLED
    assert await slow.log(key) == b"begun\n"
    assert slow.executor.removed[key].stop_reason == "the run was cancelled"


async def test_a_job_that_is_slow_to_stop_is_not_asked_after_again_and_again(world: World) -> None:
    slow = machine(world, {"wait": Act(lasts=True)})
    run_id = await slow.start(job("build", "wait"))
    asked = 0

    class Stubborn(FakeRoom):
        async def stop(self, reason: str) -> None:
            nonlocal asked
            asked += 1

    slow.executor.room = Stubborn
    async with slow.agent():
        await slow.running(1)
        await Control(world.store, world.bell, world.clock).cancel(run_id, "ann")
        while not asked:
            await asyncio.sleep(0.001)
        before = await beats(world)
        await asyncio.sleep(0.2)
        assert await beats(world) - before <= 1
        slow.executor.let_end("wait")
        await slow.over(run_id)
    assert asked == 1


async def beats(world: World) -> int:
    return sum(attempt.beat for attempt in await world.store.read(lambda tx: tx.attempts.live()))


async def test_an_agent_that_was_killed_goes_on_and_no_step_begins_twice(world: World) -> None:
    slow = machine(world, {"one": Act(output=b"1\n"), "wait": Act(output=b"2\n", lasts=True)})
    run_id = await slow.start(job("build", "one", "wait"))
    for _ in range(3):
        async with slow.agent():
            (key,) = await slow.running(1)
            while len(slow.executor.jobs[key].begun) < 2:
                await asyncio.sleep(0.001)
    slow.executor.let_end("wait")
    async with slow.agent():
        assert await slow.over(run_id) is Status.SUCCESS
    assert slow.executor.removed[key].begun == [0, 1]
    assert await slow.log(key) == b"1\n2\n"
    assert violations(await world.store.read(read_history)) == ()


async def test_a_room_nobody_owns_is_swept_at_the_start(world: World) -> None:
    slow = machine(world, {"wait": Act(lasts=True)})
    await slow.start(job("build", "wait"))
    async with slow.agent():
        (key,) = await slow.running(1)
    slow.spool.drop(key)
    async with slow.agent():
        while key in slow.executor.jobs:
            await asyncio.sleep(0.001)


async def test_a_superseded_attempt_is_given_up_and_its_room_removed(world: World) -> None:
    slow = machine(world, {"wait": Act(lasts=True)})
    run_id = await slow.start(job("build", "wait"))
    async with slow.agent():
        (key,) = await slow.running(1)
    lease = slow.spool.held()[0]
    slow.spool.hold(replace(lease, token="stolen"), slow.spool.noted(key))
    async with slow.agent():
        while key in slow.executor.jobs:
            await asyncio.sleep(0.001)
    assert slow.spool.held() == []
    assert (await world.run(run_id)).status is Status.RUNNING


async def test_an_engine_that_is_away_is_told_and_waited_for(world: World) -> None:
    away = machine(world)
    away.executor.down = "no container engine answers"
    run_id = await away.start(job("build", "make"))
    async with away.agent():
        while not away.told:
            await asyncio.sleep(0.001)
        assert (await world.run(run_id)).status is Status.PENDING
        away.executor.down = ""
        assert await away.over(run_id) is Status.SUCCESS
    assert away.told == ["no container engine answers", ""]


async def test_what_breaks_one_attempt_is_its_own_failure(world: World) -> None:
    class Refusing(FakeExecutor):
        def open(self, *_: object) -> object:  # type: ignore[override]
            raise RuntimeError("boom")

    broken = Machine(world, Refusing())
    run_id = await broken.start(job("build", "make"))
    rung = world.bell.listen(EVENTS)
    async with broken.agent():
        while EventKind.JOB_QUEUED not in await world.kinds():
            await rung.wait(1)
    ((attempt,), (queued,)) = await world.store.read(
        lambda tx: (tx.attempts.of(1), tx.turns.due(world.clock.now() + timedelta(seconds=9), 9))
    )
    assert (attempt.status, attempt.cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)
    assert (queued.run_id, queued.status) == (run_id, Status.PENDING)


async def test_a_long_step_is_seen_running(world: World) -> None:
    slow = machine(world, {"wait": Act(lasts=True)})
    run_id = await slow.start(job("build", "wait"))
    async with slow.agent():
        while EventKind.STEP_STARTED not in await world.kinds():
            await asyncio.sleep(0.01)
        slow.executor.let_end("wait")
        assert await slow.over(run_id) is Status.SUCCESS


async def test_secrets_never_reach_the_log(world: World) -> None:
    world.vault.secrets["TOKEN"] = "s3cr3t-value"
    leaky = machine(world, {"leak": Act(output=b"the token is s3cr3t-value!\n")})
    run_id = await leaky.start(with_token(job("build", "leak")))
    async with leaky.agent():
        assert await leaky.over(run_id) is Status.SUCCESS
    assert await leaky.log(AttemptKey(run=run_id, job=1, number=1)) == b"the token is ***!\n"


async def test_an_agent_that_broke_any_number_of_times_still_has_all_its_slots(world: World) -> None:
    broken = machine(world)
    link = await world.runner()
    agent = Agent(link, broken.executor, broken.spool, 2, broken.tell_nobody, QUICK)
    for _ in range(5):
        with world.store.refusing(), pytest.raises(ExceptionGroup):
            await agent.serve()
    run_id = await broken.start(job("a", "x"), job("b", "x"))
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        working = tasks.create_task(agent.serve())
        assert await broken.over(run_id) is Status.SUCCESS
        working.cancel()


async def test_what_is_held_is_renewed_while_the_engine_is_away_and_while_rooms_are_swept(
    world: World,
) -> None:
    slow = machine(world, {"wait": Act(lasts=True)})
    await slow.start(job("build", "wait"))
    async with slow.agent():
        await slow.running(1)
    slow.executor.down = "no container engine answers"
    before = await beats(world)
    async with slow.agent():
        while await beats(world) == before:
            await asyncio.sleep(0.001)
        assert slow.told == ["no container engine answers"]


async def test_without_room_no_job_is_taken_and_it_is_said_why(world: World) -> None:
    full = machine(world)
    run_id = await full.start(job("build", "x"))
    why = ["the disk is almost full"]
    agent = Agent(await world.runner(), full.executor, full.spool, 1, full.hear, QUICK, scarce=lambda: why[0])
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        working = tasks.create_task(agent.serve())
        while not full.told:
            await asyncio.sleep(0.001)
        assert (await world.run(run_id)).status is Status.PENDING
        why[0] = ""
        assert await full.over(run_id) is Status.SUCCESS
        working.cancel()
    assert full.told == ["the disk is almost full", ""]


async def test_with_fewer_slots_than_before_everything_held_goes_on(world: World) -> None:
    slow = machine(world, {"wait": Act(lasts=True)})
    run_id = await slow.start(*(job(f"j{i}", "wait") for i in range(3)), job("next", "x"))
    async with slow.agent(slots=3):
        await slow.running(3)
    async with slow.agent(slots=1):
        while any(not fake.watched for fake in slow.executor.jobs.values()):
            await asyncio.sleep(0.001)
        assert len(slow.executor.jobs) == 3
        slow.executor.let_end("wait")
        assert await slow.over(run_id) is Status.SUCCESS


async def test_a_room_that_cannot_be_stopped_does_not_keep_the_others_from_being_renewed(
    world: World,
) -> None:
    class Closed(FakeRoom):
        async def stop(self, reason: str) -> None:
            raise IsADirectoryError(reason)

    slow = machine(world, {"wait": Act(lasts=True)})
    slow.executor.room = Closed
    run_id = await slow.start(job("a", "wait"), job("b", "wait"))
    async with slow.agent():
        await slow.running(2)
        await Control(world.store, world.bell, world.clock).cancel(run_id, "ann")
        before = await beats(world)
        while await beats(world) == before:
            await asyncio.sleep(0.01)
        slow.executor.let_end("wait")
        await slow.over(run_id)


@pytest.mark.parametrize("lease", [2.0, 10.0, 60.0, 3600.0])
def test_a_rhythm_gives_three_signs_of_life_in_each_lease(lease: float) -> None:
    rhythm = Rhythm.within(lease)
    assert (rhythm.renew + rhythm.pause) * 3 <= lease
    assert rhythm.claim * 3 <= lease


def with_token(planned: PlannedJob) -> PlannedJob:
    return replace(planned, order=replace(planned.order, secrets=(SecretRef(name="TOKEN"),)))


async def test_a_secret_that_changed_while_the_agent_was_away_is_masked_as_it_was(world: World) -> None:
    world.vault.secrets["TOKEN"] = "old-secret-value"
    leaky = machine(world, {"first": Act(lasts=True), "leak": Act(output=b"it is old-secret-value\n")})
    run_id = await leaky.start(with_token(job("build", "first", "leak")))
    async with leaky.agent():
        (key,) = await leaky.running(1)
    world.vault.secrets["TOKEN"] = "new-secret-value"
    leaky.executor.let_end("first")
    async with leaky.agent():
        assert await leaky.over(run_id) is Status.SUCCESS
    assert await leaky.log(key) == b"it is ***\n"


async def test_an_attempt_whose_room_the_machine_lost_is_followed_by_another(world: World) -> None:
    slow = machine(world, {"wait": Act(lasts=True)})
    run_id = await slow.start(job("build", "wait"))
    async with slow.agent():
        (key,) = await slow.running(1)
    del slow.executor.jobs[key]
    slow.executor.let_end("wait")
    async with slow.agent():
        assert await slow.over(run_id) is Status.SUCCESS
    attempts = await world.store.read(lambda tx: tx.attempts.of(key.job))
    assert [(attempt.status, attempt.cause) for attempt in attempts] == [
        (Status.FAILURE, Cause.LOST),
        (Status.SUCCESS, None),
    ]


async def test_a_failure_that_cannot_be_told_because_the_lease_is_lost_is_forgotten(world: World) -> None:
    slow = machine(world)
    await slow.start(job("build", "make"))
    link = await world.runner()
    claim = await link.claim(a_token(), 0)
    assert claim
    slow.executor.down = "no engine"
    stale = replace(claim, lease=replace(claim.lease, token="stolen"))
    assignment = Assignment(stale, link, slow.executor, slow.spool)
    assignment.take_up()
    with pytest.raises(LeaseLost):
        await assignment.carry_out()
    assert slow.spool.held() == []


async def test_a_log_is_kept_to_the_limit_that_was_set(world: World) -> None:
    chatty = machine(world, {"talk": Act(output=b"x" * 5000)})
    run_id = await chatty.start(job("build", "talk"))
    agent = Agent(await world.runner(), chatty.executor, chatty.spool, 1, chatty.tell_nobody, QUICK, 1024)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        working = tasks.create_task(agent.serve())
        assert await chatty.over(run_id) is Status.SUCCESS
        working.cancel()
    kept = await chatty.log(AttemptKey(run=run_id, job=1, number=1))
    assert kept == b"x" * 1024 + cut_mark(1024)


async def test_a_reason_shows_no_secret_and_a_short_one_is_only_warned_of(world: World) -> None:
    world.vault.secrets = {"KEY": "s3cr3t-value", "PIN": "1234"}
    telling = machine(world, {"s3cr3t-value 1234": Act(code=3)})
    planned = job("build", "s3cr3t-value 1234")
    declared = tuple(SecretRef(name=name) for name in ("KEY", "PIN"))
    run_id = await telling.start(replace(planned, order=replace(planned.order, secrets=declared)))
    async with telling.agent():
        assert await telling.over(run_id) is Status.FAILURE
    (build,) = await world.store.read(lambda tx: tx.jobs.of((run_id,)))
    assert build.reason == 'step "*** 1234" ended with exit code 3'


class Forgetful:
    """A link whose answers to claims are lost, `times` of them, after the server gave the job away."""

    def __init__(self, link: RunnerLink, times: int) -> None:
        self._link = link
        self.times = times

    async def claim(self, token: str, wait: float) -> Claim | None:
        claim = await self._link.claim(token, wait)
        if claim and self.times:
            self.times -= 1
            raise Upstream("the answer was lost")
        return claim

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)


async def test_a_claim_whose_answer_was_lost_is_made_again_and_no_attempt_is(world: World) -> None:
    steady = machine(world)
    run_id = await steady.start(job("build", "make"))
    link: Any = PatientLink(cast("RunnerLink", Forgetful(await world.runner(), 2)))
    agent = Agent(link, steady.executor, steady.spool, 1, steady.tell_nobody, QUICK)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(agent.serve())
        assert await steady.over(run_id) is Status.SUCCESS
        serving.cancel()
    assert len(await world.store.read(lambda tx: tx.attempts.of(1))) == 1


async def test_a_runner_killed_before_it_heard_of_its_claim_gets_it_again(world: World) -> None:
    steady = machine(world)
    run_id = await steady.start(job("build", "make"))
    lost = Forgetful(await world.runner(), 1_000_000)
    agent = Agent(
        PatientLink(cast("RunnerLink", lost)), steady.executor, steady.spool, 1, steady.tell_nobody, QUICK
    )
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(agent.serve())
        while lost.times == 1_000_000:
            await asyncio.sleep(0.001)
        serving.cancel()
    async with steady.agent():
        assert await steady.over(run_id) is Status.SUCCESS
    assert len(await world.store.read(lambda tx: tx.attempts.of(1))) == 1


async def test_a_draining_agent_ends_what_it_holds_and_returns(world: World) -> None:
    slow = machine(world, {"wait": Act(lasts=True)})
    run_id = await slow.start(job("build", "wait"), job("test", "x", needs=("build",)))
    draining = asyncio.Event()
    agent = Agent(PatientLink(await world.runner()), slow.executor, slow.spool, 2, slow.tell_nobody, QUICK)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(agent.serve(draining))
        await slow.running(1)
        draining.set()
        await asyncio.sleep(0)
        assert not serving.done()
        slow.executor.let_end("wait")
    assert await world.statuses(run_id) == {"build": "success", "test": "pending"}
    assert slow.spool.held() == []


async def test_a_job_claimed_after_a_long_wait_is_not_taken_for_unheard_of(world: World) -> None:
    far = machine(world, {"wait": Act(lasts=True)})
    patient = replace(QUICK, deadman=1.5, pause=0.05)
    agent = Agent(PatientLink(await world.runner()), far.executor, far.spool, 1, far.tell_nobody, patient)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(agent.serve())
        await asyncio.sleep(1.7)
        run_id = await far.start(job("build", "wait"))
        await far.running(1)
        await asyncio.sleep(0.2)
        far.executor.let_end("wait")
        assert await far.over(run_id) is Status.SUCCESS
        serving.cancel()
    assert len(await world.store.read(lambda tx: tx.attempts.of(1))) == 1
