"""Accepted runs become jobs, each for itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from flowforge.engine.state import CancelAsked
from flowforge.errors import SourceUnavailable, StoreUnavailable, TooLarge
from flowforge.model.run import Gate, Run
from flowforge.model.status import Cause, Status
from flowforge.model.trigger import PullRequest, TriggerEvent
from flowforge.ports import Tx
from flowforge.services import second_tries
from flowforge.services.control import Control
from flowforge.services.intake import Intake
from flowforge.services.links import Links
from flowforge.services.prepare import AT_ONCE, AT_ONE_PLACE, Preparer
from flowforge.services.progress import RUNS, move_run
from flowforge.services.second_tries import PAUSES
from flowforge.services.start import Wish
from flowforge.testing.mirrors import FakeMirrors, FakeRepository
from tests.unit.services.world import REPOSITORY, World, push

CONFIG = b"jobs:\n  a:\n    docker: [{image: busybox}]\n    steps: [{run: 'true'}]\n"
PATH = ".flowforge/ci.yml"


def mirrors_with(*numbers: int, path: str = PATH) -> FakeMirrors:
    commits = {f"{number:040x}": {path: CONFIG} for number in numbers}
    return FakeMirrors({REPOSITORY.clone_url: FakeRepository(commits=commits)})


class BreakingMirrors(FakeMirrors):
    """Raises `errors` at the fetch of the commit they are kept under, once each."""

    def __init__(self, healthy: FakeMirrors, errors: dict[int, Exception]) -> None:
        super().__init__(healthy.repositories)
        self.errors = {f"{number:040x}": error for number, error in errors.items()}

    async def fetch(self, url: str, commit: str, ref: str) -> str:
        await asyncio.sleep(0)
        if error := self.errors.pop(commit, None):
            raise error
        return await super().fetch(url, commit, ref)


class AwayMirrors(FakeMirrors):
    """Brings nothing."""

    def __init__(self, healthy: FakeMirrors, error: Exception) -> None:
        super().__init__(healthy.repositories)
        self.error = error

    async def fetch(self, url: str, commit: str, ref: str) -> str:
        raise self.error


def preparer_of(world: World, mirrors: FakeMirrors) -> Preparer:
    return Preparer(world.store, mirrors, world.bell, world.clock, Links("https://ci.example"))


@asynccontextmanager
async def serving(preparer: Preparer) -> AsyncIterator[None]:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(preparer.serve())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def looked_at(world: World, run_id: int) -> Run:
    while (run := await world.run(run_id)).planned_at is None and not run.status.terminal:
        await asyncio.sleep(0)
    return run


async def test_every_accepted_run_gets_its_plan(world: World) -> None:
    ids = [await world.pushed(number) for number in range(1, 2 * AT_ONCE + 2)]
    async with serving(preparer_of(world, mirrors_with(*range(1, 2 * AT_ONCE + 2)))):
        runs = [await looked_at(world, run_id) for run_id in ids]
    assert all(run.planned_at for run in runs)


class HangingMirrors(FakeMirrors):
    """Nothing comes from the one forge until it is let."""

    def __init__(self, healthy: FakeMirrors, origin: str) -> None:
        super().__init__(healthy.repositories)
        self.origin = origin
        self.let = asyncio.Event()

    async def fetch(self, url: str, commit: str, ref: str) -> str:
        if url.startswith(self.origin):
            await self.let.wait()
        return await super().fetch(url, commit, ref)


async def test_a_forge_that_hangs_holds_up_itself_alone(world: World) -> None:
    elsewhere = replace(
        REPOSITORY, origin="https://slow.example", clone_url="https://slow.example/a.git", native_id="9"
    )
    intake = Intake(world.store, world.bell, world.clock)
    held: list[int] = []
    for number in range(1, 2 * AT_ONCE):
        happening = push(number, repository=elsewhere, delivery=f"slow {number}")
        held += (await intake.accept(happening, b"{}")).run_ids
    healthy = mirrors_with(1)
    commits = {f"{number:040x}": {PATH: CONFIG} for number in range(1, 2 * AT_ONCE)}
    healthy.repositories[elsewhere.clone_url] = FakeRepository(commits=commits)
    mirrors = HangingMirrors(healthy, elsewhere.origin)
    run_id = await world.pushed(1)
    async with serving(preparer_of(world, mirrors)):
        assert (await looked_at(world, run_id)).planned_at
        assert len(mirrors.fetched) == 1
        mirrors.let.set()
        assert all([(await looked_at(world, each)).planned_at for each in held])


def test_one_forge_never_takes_all_places() -> None:
    assert 2 * AT_ONE_PLACE < AT_ONCE


async def test_a_run_that_breaks_its_preparation_fails_alone(world: World) -> None:
    ids = [await world.pushed(number) for number in range(1, 8)]
    mirrors = BreakingMirrors(mirrors_with(*range(1, 8)), {1: ValueError("poison")})
    async with serving(preparer_of(world, mirrors)):
        bad, *good = [await looked_at(world, run_id) for run_id in ids]
    assert (bad.status, bad.cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)
    assert "unexpected error; the server's log says more" in bad.reason
    assert "poison" not in bad.reason
    assert all(run.planned_at for run in good)


async def test_a_run_met_while_the_store_was_away_is_prepared_later(world: World) -> None:
    run_id = await world.pushed(1)
    async with serving(preparer_of(world, mirrors_with(1))):
        with world.store.refusing():
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        world.bell.ring(RUNS)
        assert (await looked_at(world, run_id)).planned_at


async def test_a_config_of_a_later_dialect_is_named(world: World) -> None:
    for number, path in enumerate((".gitlab-ci.yml", ".github/workflows/ci.yml"), 1):
        run_id = await world.pushed(number)
        await preparer_of(world, mirrors_with(number, path=path)).prepare(run_id)
        run = await world.run(run_id)
        assert run.cause is Cause.CONFIG
        assert f"{path.removesuffix('/ci.yml')} is there, but its dialect cannot be run yet" in run.reason


async def test_a_folder_with_too_many_workflows_is_there_too(world: World) -> None:
    class Crowded(FakeMirrors):
        async def list(self, url: str, commit: str, folder: str) -> tuple[str, ...]:
            raise TooLarge("what was asked of the repository", 1)

    run_id = await world.pushed(1)
    await preparer_of(world, Crowded(mirrors_with(1, path="README").repositories)).prepare(run_id)
    assert ".github/workflows is there" in (await world.run(run_id)).reason


OLD, TIP, FOREIGN = "1" * 40, "2" * 40, "f" * 40


def mirrors_of_a_history() -> FakeMirrors:
    """A branch of two commits, and a fork's beside it."""
    commits = {commit: {PATH: CONFIG} for commit in (OLD, TIP, FOREIGN)}
    refs = {"refs/heads/main": TIP, "HEAD": TIP, "refs/tags/v1": OLD, "refs/pull/7/head": FOREIGN}
    repository = FakeRepository(commits=commits, refs=refs, parents={TIP: OLD, FOREIGN: OLD})
    return FakeMirrors({REPOSITORY.clone_url: repository})


async def by_hand(world: World, mirrors: FakeMirrors, event: TriggerEvent, commit: str, ref: str) -> Run:
    await world.pushed()
    run = await Control(world.store, world.bell, world.clock).start(
        Wish(project="acme/web", ref=ref, commit=commit), event, "ann"
    )
    await preparer_of(world, mirrors).prepare(run.id)
    return await world.run(run.id)


@pytest.mark.parametrize("event", [TriggerEvent.MANUAL, TriggerEvent.API])
@pytest.mark.parametrize(
    ("commit", "ref"), [(FOREIGN, ""), (FOREIGN, "refs/heads/main"), (TIP, "refs/tags/v1")]
)
async def test_a_commit_beside_its_branch_is_not_run_by_hand(
    world: World, event: TriggerEvent, commit: str, ref: str
) -> None:
    mirrors = mirrors_of_a_history()
    run = await by_hand(world, mirrors, event, commit, ref)
    assert (run.status, run.cause, run.planned_at) == (Status.FAILURE, Cause.CONFIG, None)
    assert run.reason == f"commit {commit[:12]} is not in the history of {ref or 'refs/heads/main'}"
    assert commit not in [asked for _, asked, _ in mirrors.fetched]
    again = await Control(world.store, world.bell, world.clock).rerun(run.id)
    await preparer_of(world, mirrors).prepare(again.id)
    assert (await world.run(again.id)).reason == run.reason


@pytest.mark.parametrize(
    ("commit", "ref"), [(OLD, ""), (TIP, "refs/heads/main"), (OLD, "refs/tags/v1"), ("", "")]
)
async def test_a_commit_of_its_branch_is_run_by_hand(world: World, commit: str, ref: str) -> None:
    run = await by_hand(world, mirrors_of_a_history(), TriggerEvent.MANUAL, commit, ref)
    assert run.planned_at
    assert run.trigger.commit == (commit or TIP)


async def test_what_was_planned_once_runs_again_though_its_branch_moved(world: World) -> None:
    mirrors = mirrors_of_a_history()
    run = await by_hand(world, mirrors, TriggerEvent.MANUAL, "", "")
    control = Control(world.store, world.bell, world.clock)
    await control.cancel(run.id, "ann")
    before = mirrors.repositories[REPOSITORY.clone_url]
    mirrors.repositories[REPOSITORY.clone_url] = replace(before, refs={"refs/heads/main": OLD})
    again = await control.rerun(run.id)
    await preparer_of(world, mirrors).prepare(again.id)
    assert (await world.run(again.id)).trigger.commit == TIP
    assert (await world.run(again.id)).planned_at


class TestRepositoryOutOfReach:
    AWAY = SourceUnavailable("the forge answers 502")

    async def test_the_push_waits_and_says_why(self, world: World) -> None:
        run_id = await world.pushed(1)
        await preparer_of(world, BreakingMirrors(mirrors_with(1), {1: self.AWAY})).prepare(run_id)
        run = await world.run(run_id)
        assert run.status is Status.PENDING
        assert (
            run.reason
            == "the repository cannot be cloned: the forge answers 502; tried again at 00:00:05 UTC"
        )

    async def test_it_is_planned_once_the_forge_is_back(self, world: World, monkeypatch: Any) -> None:
        monkeypatch.setattr(second_tries, "PAUSES", (0.0,))
        run_id = await world.pushed(1)
        async with serving(preparer_of(world, BreakingMirrors(mirrors_with(1), {1: self.AWAY}))):
            run = await looked_at(world, run_id)
        assert run.planned_at
        assert run.reason == ""

    async def test_it_is_not_tried_before_its_pause_is_over(self, world: World) -> None:
        run_id, other = await world.pushed(1), await world.pushed(2)
        async with serving(preparer_of(world, BreakingMirrors(mirrors_with(1, 2), {1: self.AWAY}))):
            while not (await world.run(run_id)).reason:
                await asyncio.sleep(0)
            assert (await looked_at(world, other)).planned_at
            world.bell.ring(RUNS)
            await asyncio.sleep(0.02)
            assert (await world.run(run_id)).planned_at is None
            world.clock.tick(PAUSES[0])
            world.bell.ring(RUNS)
            assert (await looked_at(world, run_id)).planned_at

    async def test_after_some_minutes_it_fails(self, world: World) -> None:
        run_id = await world.pushed(1)
        mirrors = AwayMirrors(mirrors_with(1), self.AWAY)
        preparer = preparer_of(world, mirrors)
        for pause in PAUSES:
            await preparer.prepare(run_id)
            assert (await world.run(run_id)).status is Status.PENDING
            world.clock.tick(pause)
        await preparer.prepare(run_id)
        run = await world.run(run_id)
        assert (run.status, run.cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)
        assert run.reason == "the repository cannot be cloned: the forge answers 502"

    async def test_what_is_final_fails_at_once(self, world: World) -> None:
        run_id = await world.pushed(1)
        gone = SourceUnavailable("no such repository", final=True)
        await preparer_of(world, BreakingMirrors(mirrors_with(1), {1: gone})).prepare(run_id)
        assert (await world.run(run_id)).status is Status.FAILURE

    async def test_a_mirror_that_cannot_be_read_is_no_other(self, world: World) -> None:
        class Damaged(FakeMirrors):
            async def read(self, url: str, commit: str, path: str) -> bytes | None:
                raise SourceUnavailable("the mirror is damaged")

        run_id = await world.pushed(1)
        preparer = preparer_of(world, Damaged(mirrors_with(1).repositories))
        for _ in PAUSES:
            await preparer.prepare(run_id)
            assert "the mirror is damaged; tried again at" in (await world.run(run_id)).reason
        await preparer.prepare(run_id)
        assert (await world.run(run_id)).status is Status.FAILURE

    async def test_one_that_was_cancelled_meanwhile_stays_so(self, world: World) -> None:
        run_id = await world.pushed(1)

        class Cancelling(FakeMirrors):
            async def fetch(self, url: str, commit: str, ref: str) -> str:
                await world.store.write(
                    lambda tx: move_run(tx, run_id, CancelAsked(reason="enough"), world.clock.now())
                )
                raise TestRepositoryOutOfReach.AWAY

        await preparer_of(world, Cancelling({})).prepare(run_id)
        assert (await world.run(run_id)).reason == "enough"


FILTERED = CONFIG + b"# paths: only asked for where this word stands\n"


class PathsAsked(FakeMirrors):
    """Remembers what was compared with what."""

    def __init__(self, healthy: FakeMirrors) -> None:
        super().__init__(healthy.repositories)
        self.bases: list[str] = []

    async def changed(self, url: str, commit: str, base_url: str, base: str) -> Sequence[str] | None:
        self.bases.append(base)
        return await super().changed(url, commit, base_url, base)


async def prepared(world: World, config: bytes, **trigger: Any) -> tuple[Run, PathsAsked]:
    commit = f"{1:040x}"
    refs = {"refs/heads/main": commit}
    mirrors = PathsAsked(
        FakeMirrors({REPOSITORY.clone_url: FakeRepository(commits={commit: {PATH: config}}, refs=refs)})
    )
    run_id = await world.pushed()

    def change(tx: Tx) -> None:
        run = tx.runs.get(run_id)
        assert run is not None
        tx.runs.save(replace(run, trigger=replace(run.trigger, **trigger)))

    await world.store.write(change)
    await preparer_of(world, mirrors).prepare(run_id)
    return await world.run(run_id), mirrors


@pytest.mark.parametrize(
    ("trigger", "bases"),
    [
        ({"before": "b" * 40}, ["b" * 40]),
        ({"before": "0" * 40}, []),
        ({"before": "0" * 40, "branch": "next", "ref": "refs/heads/next"}, ["refs/heads/main"]),
        ({"event": TriggerEvent.TAG, "before": "b" * 40}, []),
        (
            {"event": TriggerEvent.PULL_REQUEST, "pull_request": PullRequest(number=1, target="rel")},
            ["refs/heads/rel"],
        ),
    ],
)
async def test_changed_paths_are_asked_for_where_a_config_filters_by_them(
    world: World, trigger: dict[str, Any], bases: list[str]
) -> None:
    run, mirrors = await prepared(world, FILTERED, **trigger)
    assert run.planned_at
    assert mirrors.bases == bases
    assert (await prepared(World(), CONFIG, **trigger))[1].bases == []


PULL = PullRequest(number=7, target="main", source_repository="eve/web")
OF_NOBODY = [
    CONFIG + b"triggers: {pull_request: false}\n",
    CONFIG + b"paths: {only: [nothing/**]}\n",
    CONFIG.replace(b"    steps", b"    filters: {branches: {only: nobody}}\n    steps"),
]


@pytest.mark.parametrize("config", OF_NOBODY)
async def test_a_forks_filters_turn_no_check_green_before_its_approval(world: World, config: bytes) -> None:
    asked = {"event": TriggerEvent.PULL_REQUEST, "branch": "next"}
    mine, _ = await prepared(world, config, **asked, pull_request=PULL)
    assert (mine.status, mine.cause) == (Status.SKIPPED, Cause.FILTER), mine.reason
    world = World()
    run, _ = await prepared(world, config, **asked, pull_request=replace(PULL, fork=True))
    assert (run.status, run.gate) == (Status.WAITING, Gate.APPROVAL)
    assert not await world.store.read(lambda tx: tx.runs.unplanned())
    await Control(world.store, world.bell, world.clock).approve(run.id, "ann")
    over = await world.run(run.id)
    assert (over.status, over.cause) == (Status.SKIPPED, Cause.FILTER)


@pytest.mark.parametrize(("config", "takes_part"), [("src/**", True), ("docs/**", False)])
async def test_a_fork_is_compared_with_the_repository_it_goes_to_and_not_with_its_own_branch(
    world: World, config: str, takes_part: bool
) -> None:
    """Elsewhere the fork's branch of that name is whatever its owner likes, as the very commit itself."""
    text = CONFIG + f"paths: {{only: {config}}}\n".encode()
    home = replace(REPOSITORY, forge="bitbucket")
    base, change = {PATH: text}, {PATH: text, "src/a": b"1"}
    mine = FakeRepository(commits={OLD: base}, refs={"refs/heads/main": OLD})
    forks = FakeRepository(commits={f"{1:040x}": change}, refs={"refs/heads/main": f"{1:040x}"})
    mirrors = FakeMirrors({home.clone_url: mine, "https://github.example/eve/web.git": forks})
    happening = push(1, repository=home)
    pull = replace(PULL, fork=True)
    trigger = replace(happening.trigger, event=TriggerEvent.PULL_REQUEST, pull_request=pull)
    receipt = await Intake(world.store, world.bell, world.clock).accept(
        replace(happening, trigger=trigger), b"{}"
    )
    await preparer_of(world, mirrors).prepare(receipt.run_ids[0])
    (job,) = await world.store.read(lambda tx: tx.jobs.of(receipt.run_ids))
    assert job.status is (Status.PENDING if takes_part else Status.SKIPPED), job.reason


async def test_inputs_nobody_asked_for_fail_the_run_by_name(world: World) -> None:
    run, _ = await prepared(world, CONFIG, event=TriggerEvent.MANUAL, inputs={"deep": True})
    assert (run.status, run.cause) == (Status.FAILURE, Cause.CONFIG)
    assert run.reason == "there is no input 'deep'; there is none"


async def test_an_input_that_must_be_given_is_taken(world: World) -> None:
    config = b"parameters: {x: {type: string}}\njobs: {a: {steps: [{run: echo << pipeline.parameters.x >>}]}}"
    run, _ = await prepared(world, config, event=TriggerEvent.MANUAL, inputs={"x": "y"})
    assert run.planned_at, run.reason


async def test_a_database_that_is_away_while_a_token_is_looked_up_fails_no_run(world: World) -> None:
    run_id = await world.pushed(1)
    mirrors = BreakingMirrors(mirrors_with(1), {1: StoreUnavailable("away")})
    with pytest.raises(StoreUnavailable):
        await preparer_of(world, mirrors).prepare(run_id)
    await preparer_of(world, mirrors).prepare(run_id)
    assert (await world.run(run_id)).planned_at


async def test_the_pipeline_that_was_named_is_the_one_that_is_read(world: World) -> None:
    first = await world.pushed(1)
    await preparer_of(world, mirrors_with(1)).prepare(first)
    second = await world.pushed(2)

    def name(tx: Tx) -> None:
        run = tx.runs.get(second)
        assert run is not None
        tx.runs.save(replace(run, pipeline_id=1))

    await world.store.write(name)
    await preparer_of(world, mirrors_with(2, path=".popsicle/ci.yml")).prepare(second)
    assert (await world.run(second)).reason == f"there is no {PATH} at commit {2:040x}"[:-28]


@pytest.mark.parametrize(("fork", "status"), [(True, Status.FAILURE), (False, Status.PENDING)])
async def test_code_from_a_fork_gets_no_grant(world: World, fork: bool, status: Status) -> None:
    pull = PullRequest(number=1, target="main", fork=fork)
    asking = CONFIG.replace(b"    steps", b"    grant: builder\n    steps")
    run, _ = await prepared(world, asking, event=TriggerEvent.PULL_REQUEST, pull_request=pull)
    assert run.status is status
    assert ("never gets" in run.reason) is fork
