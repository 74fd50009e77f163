"""Steps that are started and not waited for."""

import asyncio

import pytest

from flowforge.model.status import Cause, Status
from tests.contract.executors.lodge import KEY, Lodge, Pail, When, script

SERVER = "echo serving; touch up; while true; do sleep 0.05; done"
UNTIL_UP = "for i in $(seq 400); do test -e up && exit 0; sleep 0.02; done; exit 1"


async def test_a_background_step_is_not_waited_for_and_ends_with_the_job_as_a_success(lodge: Lodge) -> None:
    order = lodge.order(script(0, SERVER, background=True), script(1, f"{UNTIL_UP}"), script(2, "echo done"))
    story = await lodge.run(order)
    assert [ended.status for ended in story.exits] == [Status.SUCCESS] * 3
    assert [ended.code for ended in story.exits] == [0, 0, None]
    assert story.outputs == [b"", b"done\n", b"serving\n"]


async def test_a_background_step_that_fails_by_itself_keeps_its_exit_code_and_fails_no_other(
    lodge: Lodge,
) -> None:
    order = lodge.order(
        script(0, "echo broken; touch up; exit 7", background=True),
        script(1, f"{UNTIL_UP}"),
        script(2, "echo never", when=When.ON_FAIL),
        script(3, "echo still here"),
    )
    story = await lodge.run(order)
    assert [ended.status for ended in story.exits] == [
        Status.SUCCESS, Status.SKIPPED, Status.SUCCESS, Status.FAILURE,
    ]  # fmt: skip
    assert (story.exits[-1].cause, story.exits[-1].code) == (Cause.EXIT, 7)
    assert story.outputs == [b"", b"", b"still here\n", b"broken\n"]


async def test_a_background_step_has_its_grace_and_is_killed_behind_it(lodge: Lodge) -> None:
    order = lodge.order(
        script(0, "trap 'echo bye; exit 3' TERM; touch up; while true; do sleep 0.05; done", background=True),
        script(1, "trap '' TERM; touch deaf; while true; do sleep 0.05; done", background=True),
        script(2, f"{UNTIL_UP}"),
        script(3, "for i in $(seq 400); do test -e deaf && exit 0; sleep 0.02; done; exit 1"),
    )
    story = await lodge.run(order)
    assert [ended.status for ended in story.exits] == [Status.SUCCESS] * 4
    assert story.outputs[2].endswith(b"bye\n")


async def test_what_a_background_step_prints_over_its_limit_is_cut_and_nobody_waits(lodge: Lodge) -> None:
    order = lodge.order(
        script(0, "head -c 20000000 /dev/zero | tr '\\0' x; touch up", background=True), script(1, UNTIL_UP)
    )
    story = await lodge.run(order)
    assert story.exits[0].status is Status.SUCCESS
    assert story.outputs[1].startswith(b"x" * 1000)
    assert len(story.outputs[1]) < 17_000_000
    assert story.outputs[1].endswith(b"reached its limit of 16 MiB and is cut here]\n")


async def test_a_background_step_that_cannot_begin_fails_the_job(lodge: Lodge) -> None:
    order = lodge.order(
        script(0, "true", background=True, working_directory="no/such"), script(1, "echo never")
    )
    story = await lodge.run(order)
    assert [ended.status for ended in story.exits] == [Status.SKIPPED, Status.FAILURE]
    assert story.exits[1].cause is Cause.CONFIG


async def test_a_cancel_is_told_by_one_step_and_takes_background_ones_along(lodge: Lodge) -> None:
    order = lodge.order(script(0, SERVER, background=True), script(1, f"({UNTIL_UP}); echo up; sleep 60"))
    pail = Pail()
    async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
        await room.begin({})
        running = group.create_task(room.run(order.steps[1], pail))
        while not pail.data:
            await asyncio.sleep(0.01)
        await room.stop("enough")
        assert (await running).status is Status.CANCELLED
        behind = await room.run(order.steps[0], Pail())
    assert (behind.status, behind.code) == (Status.SUCCESS, None)


@pytest.mark.parametrize("lodge", ["process"], indirect=True)
async def test_more_background_steps_than_a_job_may_have_are_refused(lodge: Lodge) -> None:
    order = lodge.order(*["exec sleep 60"] * 33, background=True)
    story = await lodge.run(order)
    assert [ended.status for ended in story.exits] == [Status.SUCCESS] * 32 + [Status.FAILURE]
    assert story.exits[-1].reason == (
        'step "step 32" cannot be started: more background steps than a job may have'
    )
