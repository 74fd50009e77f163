"""Steps that are run again when they fail."""

import pytest

from flowforge.model.status import Cause, Status
from tests.contract.executors.lodge import Lodge, When, script

COUNTED = 'n=$(cat n 2>/dev/null || echo 0); echo "try $n"; echo $((n + 1)) > n; test "$n" -eq 2 || exit 7'


async def test_a_step_is_run_again_until_it_succeeds_and_has_one_log(lodge: Lodge) -> None:
    again = script(0, COUNTED, reruns=5, rerun_pause=0.05)
    story = await lodge.run(lodge.order(again, script(1, "echo once", reruns=3)))
    assert [(ended.status, ended.code) for ended in story.exits] == [(Status.SUCCESS, 0)] * 2
    assert story.outputs == [b"try 0\ntry 1\ntry 2\n", b"once\n"]


async def test_a_step_that_fails_each_time_is_a_failure_with_its_last_exit_code(lodge: Lodge) -> None:
    story = await lodge.run(lodge.order(script(0, "echo no; exit 7", reruns=2), script(1, "echo never")))
    assert [ended.status for ended in story.exits] == [Status.FAILURE, Status.SKIPPED]
    assert (story.exits[0].cause, story.exits[0].code) == (Cause.EXIT, 7)
    assert story.outputs[0] == b"no\n" * 3


async def test_a_step_that_ran_out_of_time_or_cannot_be_started_is_not_run_again(lodge: Lodge) -> None:
    late = script(0, "echo late; sleep 60", reruns=3, timeout=0.3)
    nowhere = script(1, "echo x", reruns=3, working_directory="gone", when=When.ALWAYS)
    story = await lodge.run(lodge.order(late, nowhere))
    assert [ended.cause for ended in story.exits] == [Cause.TIMEOUT, Cause.CONFIG]
    assert story.outputs == [b"late\n", b""]


async def test_the_pause_before_a_rerun_ends_with_the_job(lodge: Lodge) -> None:
    ended, said = await lodge.stopped(lodge.order(script(0, "echo no; exit 1", reruns=5, rerun_pause=600)))
    assert ended.status is Status.CANCELLED
    assert said == b"no\n"


@pytest.mark.parametrize("lodge", ["process"], indirect=True)
async def test_the_pause_before_a_rerun_ends_with_the_jobs_time(lodge: Lodge) -> None:
    order = lodge.order(script(0, "exit 1", reruns=5, rerun_pause=600), timeout=0.5)
    story = await lodge.run(order)
    assert (story.exits[0].status, story.exits[0].cause) == (Status.FAILURE, Cause.TIMEOUT)
