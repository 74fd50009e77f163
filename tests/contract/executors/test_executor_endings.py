"""How steps end: by themselves, by a limit, by a cancel; and that nothing of them stays behind."""

import asyncio
from pathlib import Path

import pytest

from flowforge.model.exit import Exit
from flowforge.model.status import Cause, Status
from tests.contract.executors.lodge import GRACE, KEY, Lodge, Pail, Story, When, script

STUBBORN = "trap '' TERM; echo stubborn; while true; do sleep 0.1; done"


@pytest.mark.parametrize("code", [1, 2, 126, 255])
@pytest.mark.parametrize("lodge", ["process"], indirect=True)
async def test_an_exit_code_is_kept(lodge: Lodge, code: int) -> None:
    story = await lodge.run(lodge.order(f"exit {code}"))
    assert story.exits[0].code == code


async def test_a_step_that_dies_of_a_signal_has_128_and_the_signal(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order("kill -KILL $$"))
    assert (story.exits[0].code, story.exits[0].cause) == (137, Cause.EXIT)


async def test_silence_ends_a_step(lodge: Lodge) -> None:
    order = lodge.order(script(0, "echo a; sleep 0.2; echo b; sleep 60", silence_timeout=0.8))
    story = await lodge.run(order)
    assert story.outputs == [b"a\nb\n"]
    assert story.exits[0].cause is Cause.TIMEOUT
    assert story.exits[0].reason == 'step "step 0" printed nothing for 0.8 s'


async def test_output_keeps_a_step_from_being_silent(lodge: Lodge) -> None:
    text = "for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done"
    story = await lodge.run(lodge.order(script(0, text, silence_timeout=0.8)))
    assert story.exits[0].status is Status.SUCCESS


async def test_the_jobs_time_limit_ends_its_step_and_all_behind_it(lodge: Lodge) -> None:
    order = lodge.order(
        script(0, "true"), script(1, "sleep 60"), script(2, "true", when=When.ALWAYS), timeout=0.6
    )
    story = await lodge.run(order)
    assert [ended.status for ended in story.exits] == [Status.SUCCESS, Status.FAILURE, Status.SKIPPED]
    assert story.exits[1].cause is Cause.TIMEOUT
    assert story.exits[1].reason == "the job reached its time limit of 0.6 s"


async def test_a_step_may_use_its_grace_to_clean_up(lodge: Lodge) -> None:
    text = "trap 'sleep 0.3; echo cleaned; exit 9' TERM; echo begun; while true; do sleep 0.05; done"
    story = await lodge.run(lodge.order(script(0, text, timeout=0.4)))
    assert story.outputs[0].startswith(b"begun\n")
    assert story.outputs[0].endswith(b"cleaned\n")
    assert (story.exits[0].cause, story.exits[0].code) == (Cause.TIMEOUT, 9)


async def test_the_children_of_a_shell_that_died_at_once_have_their_grace_too(lodge: Lodge) -> None:
    child = "trap 'sleep 0.3; echo cleaned; exit 0' TERM; echo begun; while true; do sleep 0.05; done"
    text = f'(bash -c "{child}") | cat'
    story = await lodge.run(lodge.order(script(0, text, timeout=0.4)))
    assert b"begun" in story.outputs[0]
    assert story.exits[0].cause is Cause.TIMEOUT


async def test_a_step_that_ignores_term_is_killed_after_the_grace(lodge: Lodge) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    story = await lodge.run(lodge.order(script(0, STUBBORN, timeout=0.3)))
    assert loop.time() - begun >= GRACE
    assert (story.exits[0].cause, story.exits[0].code) == (Cause.TIMEOUT, 137)


async def test_cancel_kills_what_ignores_it(lodge: Lodge) -> None:
    ended, _ = await lodge.stopped(lodge.order(STUBBORN))
    assert (ended.status, ended.code) == (Status.CANCELLED, 137)


async def test_cancel_before_the_first_step_is_watched_is_told_by_exactly_one_step(lodge: Lodge) -> None:
    order = lodge.order(script(0, "sleep 60"), script(1, "true", when=When.ALWAYS))
    async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        await room.stop("never mind")
        exits = [await room.run(step, Pail()) for step in order.steps]
    assert [ended.status for ended in exits] == [Status.CANCELLED, Status.SKIPPED]
    assert (exits[0].cause, exits[0].reason) == (Cause.CANCELLED, "never mind")


@pytest.mark.parametrize("lodge", ["process"], indirect=True)
@pytest.mark.parametrize("delay", [0.002 * n for n in range(12)])
async def test_a_cancel_between_steps_is_told_by_exactly_one_step(lodge: Lodge, delay: float) -> None:
    """Whenever it comes: thirty short steps leave it many moments between two of them."""
    order, story = lodge.order(*["true"] * 30), Story()
    async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room, asyncio.TaskGroup() as group:
        await room.begin({})
        group.create_task(story.watch(room, order.steps))
        await asyncio.sleep(delay)
        await room.stop("enough")
    _cut_off(story, Status.CANCELLED)


@pytest.mark.parametrize("lodge", ["process"], indirect=True)
@pytest.mark.parametrize("limit", [0.001 * n for n in range(1, 12)])
async def test_a_time_limit_reached_between_steps_fails_the_job(lodge: Lodge, limit: float) -> None:
    story = await lodge.run(lodge.order(*["true"] * 30, timeout=limit))
    first = _cut_off(story, Status.FAILURE)
    assert first is None or first.cause is Cause.TIMEOUT


def _cut_off(story: Story, by: Status) -> Exit | None:
    """The one exit of thirty that says so, all before it a success and all behind it skipped; None where all went through."""
    told = [ended.status for ended in story.exits]
    if by not in told:
        assert told == [Status.SUCCESS] * 30
        return None
    first = told.index(by)
    assert told == [Status.SUCCESS] * first + [by] + [Status.SKIPPED] * (29 - first)
    return story.exits[first]


async def test_cancel_after_the_last_step_changes_nothing(lodge: Lodge) -> None:
    order = lodge.order("true")
    async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        ended = await room.run(order.steps[0], Pail())
        await room.stop("too late")
    assert ended.status is Status.SUCCESS


async def test_a_timeout_takes_processes_that_left_the_steps_group_along(lodge: Lodge) -> None:
    order = lodge.order(
        script(0, "setsid sh -c 'trap \"\" TERM; (while true; do echo >> ticks; sleep 0.05; done) &' & sleep 60", timeout=0.4),
        script(1, "set -- $(wc -l ticks); sleep 0.3; set -- $1 $(wc -l ticks); test $1 = $2", when=When.ALWAYS),
    )  # fmt: skip
    story = await lodge.run(order)
    assert story.exits[0].cause is Cause.TIMEOUT
    assert story.exits[1].status is Status.SUCCESS


async def test_a_process_left_behind_by_a_step_lives_on_for_the_next_ones(lodge: Lodge) -> None:
    order = lodge.order(
        "(while true; do echo noise; echo > alive; sleep 0.02; done) & echo started",
        "rm -f alive; for i in $(seq 200); do test -e alive && exit 0; sleep 0.02; done; exit 1",
    )
    story = await lodge.run(order)
    assert story.exits[1].status is Status.SUCCESS, story.outputs
    assert story.outputs[0].replace(b"noise\n", b"") == b"started\n"
    assert story.outputs[1] == b""


@pytest.mark.parametrize("lodge", ["process"], indirect=True)
async def test_when_a_job_ends_its_daemons_end(lodge: Lodge) -> None:
    mark = f"{lodge.site.instance}-daemon"
    order = lodge.order(f"setsid bash -c 'exec -a {mark} sleep 600' & disown; sleep 0.1")
    async with asyncio.timeout(30), lodge.executor.open(KEY, order) as room:
        await room.begin({})
        await room.run(order.steps[0], Pail())
        while mark in _commands():
            await asyncio.sleep(0.02)
    assert mark not in _commands()


def _commands() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)
