"""The contract of the port `Executor`, on the fake and on both real ones.

A script's text is what the real shells run; the fake is told beside it what that does.
"""

import asyncio
from collections.abc import Mapping

import pytest

from flowforge.errors import RoomGone, SourceUnavailable
from flowforge.model.attempt import AttemptKey
from flowforge.model.job_spec import Clone
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Checkout
from flowforge.testing.executor import Act
from tests.contract.executors.conftest import DOCKER, PROCESS
from tests.contract.executors.lodge import KEY, ORIGIN, Lodge, Pail, Story, When, script

KINDS = ["fake", PROCESS, DOCKER]
SOURCE = Source(origin=ORIGIN, commit="1" * 40)
NOWHERE = Source(origin="https://forge.example/none.git", commit="1" * 40)


def act(lodge: Lodge, text: str, output: bytes = b"", code: int = 0, *, lasts: bool = False) -> str:
    if lodge.fakes is not None:
        lodge.fakes.acts[text] = Act(output=output, code=code, lasts=lasts)
    return text


def holding(lodge: Lodge) -> str:
    return act(lodge, "echo waiting; sleep 60", b"waiting\n", lasts=True)


class Gate(Pail):
    """Tells when the first bytes come."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()

    async def write(self, data: bytes) -> int:
        self.opened.set()
        return await super().write(data)


async def leave_by_cancellation(lodge: Lodge, *dos: str, secrets: Mapping[str, str] | None = None) -> None:
    """Open a room, see the first step begin, and be cancelled."""
    order, gate = lodge.order(*dos), Gate()

    async def watch() -> None:
        async with lodge.executor.open(KEY, order) as room:
            await room.begin(secrets or {})
            for step in order.steps:
                await room.run(step, gate)

    async with asyncio.timeout(60):
        task = asyncio.ensure_future(watch())
        await gate.opened.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_usable_executor_says_what_answered(lodge: Lodge) -> None:
    probe = await lodge.executor.probe()
    assert probe.usable
    assert probe.engine
    assert probe.reason == ""


async def test_a_step_has_its_output_and_exit_code(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order(act(lodge, "echo out; exit 3", b"out\n", 3)))
    assert story.outputs == [b"out\n"]
    assert (story.exits[0].status, story.exits[0].cause, story.exits[0].code) == (
        Status.FAILURE,
        Cause.EXIT,
        3,
    )


async def test_a_success_has_no_cause(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order(act(lodge, "true")))
    ended = story.exits[0]
    assert (ended.status, ended.cause, ended.code, ended.reason) == (Status.SUCCESS, None, 0, "")
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert ended.started_at <= ended.finished_at
    assert ended.started_at.tzinfo is not None


async def test_after_a_failure_only_steps_that_ask_for_it_run(lodge: Lodge) -> None:
    order = lodge.order(
        script(0, act(lodge, "exit 1", code=1)),
        script(1, act(lodge, "echo skipped", b"skipped\n")),
        script(2, act(lodge, "echo fail", b"fail\n"), when=When.ON_FAIL),
        script(3, act(lodge, "echo always", b"always\n"), when=When.ALWAYS),
    )
    story = await lodge.run(order)
    expected = [Status.FAILURE, Status.SKIPPED, Status.SUCCESS, Status.SUCCESS]
    assert [ended.status for ended in story.exits] == expected
    assert story.text == "fail\nalways\n"
    assert story.exits[1].code is None


async def test_without_a_failure_on_fail_steps_are_skipped(lodge: Lodge) -> None:
    order = lodge.order(
        script(0, "true"), script(1, "true", when=When.ON_FAIL), script(2, "true", when=When.ALWAYS)
    )
    story = await lodge.run(order)
    assert [ended.status for ended in story.exits] == [Status.SUCCESS, Status.SKIPPED, Status.SUCCESS]


async def test_output_is_handed_over_from_the_byte_asked_for(lodge: Lodge) -> None:
    order, story = lodge.order(act(lodge, "echo 0123456789", b"0123456789\n")), Story()
    async with lodge.executor.open(KEY, order) as room:
        await room.begin({})
        await story.watch(room, order.steps, since=4)
    assert story.outputs == [b"456789\n"]


async def test_stop_cancels_the_running_step_and_skips_all_behind_it(lodge: Lodge) -> None:
    order = lodge.order(script(0, holding(lodge)), script(1, "true"), script(2, "true", when=When.ALWAYS))
    gate = Gate()
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
        await room.begin({})
        first = group.create_task(room.run(order.steps[0], gate))
        await gate.opened.wait()
        await room.stop("somebody pressed cancel")
        await room.stop("and again")
        await first
        behind = [await room.run(step, Pail()) for step in order.steps[1:]]
    assert (first.result().status, first.result().cause) == (Status.CANCELLED, Cause.CANCELLED)
    assert first.result().reason == "somebody pressed cancel"
    assert [ended.status for ended in behind] == [Status.SKIPPED, Status.SKIPPED]
    assert gate.data == b"waiting\n"


async def test_a_stop_between_two_steps_is_carried_by_the_next(lodge: Lodge) -> None:
    order = lodge.order(script(0, "true"), script(1, holding(lodge)), script(2, "true", when=When.ALWAYS))
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        first = await room.run(order.steps[0], Pail())
        await room.stop("somebody pressed cancel")
        behind = [await room.run(step, Pail()) for step in order.steps[1:]]
    assert first.status is Status.SUCCESS
    assert [ended.status for ended in behind] == [Status.CANCELLED, Status.SKIPPED]
    assert (behind[0].cause, behind[0].reason) == (Cause.CANCELLED, "somebody pressed cancel")


async def test_a_room_left_by_cancellation_is_adopted_with_its_whole_output(lodge: Lodge) -> None:
    texts = (holding(lodge), act(lodge, "echo after", b"after\n"))
    await leave_by_cancellation(lodge, *texts)
    order, gate = lodge.order(*texts), Gate()
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
        await room.resume()
        first = group.create_task(room.run(order.steps[0], gate))
        await gate.opened.wait()
        await room.stop("enough")
    assert gate.data == b"waiting\n"
    assert first.result().status is Status.CANCELLED


async def test_a_step_that_ended_unwatched_answers_at_once(lodge: Lodge) -> None:
    text = act(lodge, "echo done", b"done\n")
    await leave_by_cancellation(lodge, text, holding(lodge))
    story = Story()
    async with asyncio.timeout(60), lodge.executor.open(KEY, lodge.order(text, holding(lodge))) as room:
        await room.resume()
        await story.watch(room, lodge.order(text).steps)
    assert story.outputs == [b"done\n"]
    assert story.exits[0].code == 0


async def test_whoever_resumes_a_room_hears_the_secrets_it_was_begun_with(lodge: Lodge) -> None:
    """They may be others by now, and the room's output holds these."""
    order = lodge.order(holding(lodge))
    await leave_by_cancellation(lodge, *[step.do.text for step in order.steps], secrets={"TOKEN": "old"})  # type: ignore[union-attr]
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        assert await room.resume() == {"TOKEN": "old"}
        await room.stop("enough")


async def test_a_room_that_is_not_there_cannot_be_resumed(lodge: Lodge) -> None:
    with pytest.raises(RoomGone):
        async with lodge.executor.open(KEY, lodge.order("true")) as room:
            await room.resume()


async def test_opening_a_room_makes_nothing(lodge: Lodge) -> None:
    async with lodge.executor.open(KEY, lodge.order("true")):
        pass
    assert list(await lodge.executor.sweep(())) == []
    assert not lodge.site.workspace(KEY).exists()


async def test_a_room_that_is_open_is_not_swept(lodge: Lodge) -> None:
    order = lodge.order(act(lodge, "echo fine", b"fine\n"))
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        assert list(await lodge.executor.sweep(())) == []
        story = await Story().watch(room, order.steps)
    assert story.text == "fine\n"


async def test_a_stop_cancels_a_room_that_is_being_made(
    lodge: Lodge, monkeypatch: pytest.MonkeyPatch
) -> None:
    placing = asyncio.Event()

    async def never(source: Source, into: object) -> str:
        placing.set()
        await asyncio.Event().wait()
        return f"{source} {into}"

    monkeypatch.setattr(lodge.sources, "place", never)
    order = lodge.order("true", script(1, "true", when=When.ALWAYS), source=SOURCE, clone=Clone.BEFORE_STEPS)
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        async with asyncio.TaskGroup() as group:
            group.create_task(room.begin({}))
            await placing.wait()
            await room.stop("somebody pressed cancel")
        exits = [await room.run(step, Pail()) for step in order.steps]
    assert [ended.status for ended in exits] == [Status.CANCELLED, Status.SKIPPED]
    assert (exits[0].cause, exits[0].reason) == (Cause.CANCELLED, "somebody pressed cancel")
    assert list(await lodge.executor.sweep(())) == []


async def test_a_stop_before_the_room_is_made_keeps_it_from_being_made(lodge: Lodge) -> None:
    order = lodge.order("true", "true", source=NOWHERE, clone=Clone.BEFORE_STEPS)
    async with lodge.executor.open(KEY, order) as room:
        await room.stop("never mind")
        await room.begin({})
        exits = [await room.run(step, Pail()) for step in order.steps]
    assert [ended.status for ended in exits] == [Status.CANCELLED, Status.SKIPPED]


async def test_a_stop_of_a_room_that_was_left_is_harmless(lodge: Lodge) -> None:
    order = lodge.order("true")
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        await Story().watch(room, order.steps)
    await room.stop("too late")
    again = await lodge.run(lodge.order(act(lodge, "echo new", b"new\n")))
    assert again.text == "new\n"


async def test_a_room_that_was_left_in_order_leaves_nothing_to_sweep(lodge: Lodge) -> None:
    await lodge.run(lodge.order("true"))
    assert list(await lodge.executor.sweep(())) == []


async def test_a_sweep_leaves_a_room_that_is_open_alone(lodge: Lodge) -> None:
    """A job may begin while its agent still sweeps up after an earlier life."""
    order, gate = lodge.order(holding(lodge)), Gate()
    async with asyncio.timeout(60), lodge.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
        await room.begin({})
        step = group.create_task(room.run(order.steps[0], gate))
        await gate.opened.wait()
        assert list(await lodge.executor.sweep(())) == []
        await room.stop("enough")
    assert step.result().status is Status.CANCELLED


async def test_a_room_left_by_an_error_is_removed(lodge: Lodge) -> None:
    with pytest.raises(RuntimeError, match="watcher"):  # noqa: PT012 - how the block is left is the point
        async with lodge.executor.open(KEY, lodge.order(holding(lodge))) as room:
            await room.begin({})
            raise RuntimeError("the watcher fell over")
    other = await lodge.run(
        lodge.order(act(lodge, "echo new", b"new\n")), key=AttemptKey(run=7, job=3, number=2)
    )
    assert other.text == "new\n"


async def test_sweep_removes_rooms_that_nobody_owns_and_keeps_the_others(lodge: Lodge) -> None:
    await leave_by_cancellation(lodge, holding(lodge))
    assert list(await lodge.executor.sweep({KEY})) == []
    removed = list(await lodge.executor.sweep(()))
    assert any(str(KEY) in name for name in removed)
    assert list(await lodge.executor.sweep(())) == []


async def test_a_timeout_ends_its_step_and_the_job_fails(lodge: Lodge) -> None:
    order = lodge.order(
        script(0, act(lodge, "sleep 60", lasts=True), timeout=0.2),
        script(1, "true"),
        script(2, "true", when=When.ALWAYS),
    )
    story = await lodge.run(order)
    assert [ended.status for ended in story.exits] == [Status.FAILURE, Status.SKIPPED, Status.SUCCESS]
    assert story.exits[0].cause is Cause.TIMEOUT
    assert story.exits[0].reason == 'step "step 0" did not end within 0.2 s'


async def test_a_checkout_step_places_the_source_where_it_stands(lodge: Lodge) -> None:
    text = act(lodge, "cat sub/hello.txt", b"hello\n")
    story = await lodge.run(lodge.order("true", Checkout(path="sub"), text, source=SOURCE))
    assert [ended.status for ended in story.exits] == [Status.SUCCESS] * 3
    assert story.outputs == [b"", b"2 files\n", b"hello\n"]


async def test_a_checkout_of_what_cannot_be_had_fails_its_step_with_the_reason(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order(Checkout(), "true", source=NOWHERE))
    assert (story.exits[0].status, story.exits[0].cause) == (Status.FAILURE, Cause.INFRASTRUCTURE)
    assert story.exits[0].reason == f"there is no source {NOWHERE.origin}"
    assert story.exits[1].status is Status.SKIPPED


async def test_a_checkout_without_a_repository_is_the_configs_mistake(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order(Checkout()))
    assert (story.exits[0].status, story.exits[0].cause) == (Status.FAILURE, Cause.CONFIG)
    assert "no repository" in story.exits[0].reason


async def test_a_job_without_a_checkout_finds_its_files(lodge: Lodge) -> None:
    text = act(lodge, "cat hello.txt deep/er.txt", b"hello\ner\n")
    story = await lodge.run(lodge.order(text, source=SOURCE, clone=Clone.BEFORE_STEPS))
    assert story.text == "hello\ner\n"


async def test_begin_raises_when_the_files_cannot_be_had(lodge: Lodge) -> None:
    order = lodge.order("true", source=NOWHERE, clone=Clone.BEFORE_STEPS)
    with pytest.raises(SourceUnavailable):
        async with lodge.executor.open(KEY, order) as room:
            await room.begin({})


async def test_secrets_are_variables_of_every_step(lodge: Lodge) -> None:
    text = act(lodge, 'printf %s "$TOKEN"', b"s3cret")
    story = await lodge.run(lodge.order(text, text), secrets={"TOKEN": "s3cret"})
    assert story.outputs == [b"s3cret", b"s3cret"]
