"""kill -9 of the server where it hurts most. Found by watching from outside; the server knows nothing of it."""

import pytest

from tests.rig import engine
from tests.rig.counted import CountedJob
from tests.rig.machine import has_ended, rooms, until
from tests.rig.stage import Stage

BUILD = CountedJob("build")
TEST = CountedJob("test", requires=("build",), steps=1)


def test_a_run_whose_row_is_committed_goes_on(stage: Stage) -> None:
    stage.push(BUILD, TEST)
    stage.restart()
    stage.account_for_all()


@pytest.mark.parametrize(
    "machine", [pytest.param("docker", marks=pytest.mark.needs("docker"))], indirect=True
)
@pytest.mark.parametrize("event", ["create", "start"])
def test_a_job_whose_container_was_made_goes_on(stage: Stage, event: str) -> None:
    with engine.happenings(event, "flowforge.run", f"flowforge.instance={stage.instance}") as made:
        stage.push(BUILD, TEST)
        next(made)
        stage.restart()
    stage.account_for_all()


def test_a_job_whose_room_was_made_goes_on(stage: Stage) -> None:
    stage.push(BUILD, TEST)
    until(lambda: rooms(stage.server), "a room")
    stage.restart()
    stage.account_for_all()


@pytest.mark.parametrize("point", ["begin", "middle", "end"])
def test_a_step_in_its_midst_goes_on(stage: Stage, point: str) -> None:
    stage.counter.hold(BUILD.word(point))
    stage.push(BUILD, TEST)
    stage.counter.wait_for(BUILD.word(point))
    stage.server.kill()
    stage.counter.release(BUILD.word(point))
    stage.server.start()
    stage.account_for_all()


def test_a_job_that_ended_unread_is_read(stage: Stage) -> None:
    """The server stands still while the job ends and its supervisor writes down how, and never gets to look."""
    stage.counter.hold(BUILD.word("middle", 1))
    stage.push(BUILD, TEST)
    stage.counter.wait_for(BUILD.word("middle", 1))
    stage.server.pause()
    (room,) = rooms(stage.server)
    stage.counter.release(BUILD.word("middle", 1))
    until(lambda: has_ended(room), "the end of the job")
    stage.restart()
    stage.account_for_all()


def test_a_status_not_yet_sent_arrives(stage: Stage) -> None:
    stage.forge.refuse += [503] * 2
    run_id = stage.push(BUILD)
    stage.server.over(run_id)
    until(lambda: not stage.forge.refuse, "refusals of the forge")
    stage.restart()
    stage.account_for_all()


def test_a_status_that_hangs_at_the_forge_is_sent_again(stage: Stage) -> None:
    with stage.forge.hanging() as asked:
        run_id = stage.push(BUILD)
        stage.server.over(run_id)
        asked.wait(30)
        stage.server.kill()
    stage.server.start()
    stage.account_for_all()


def test_sigterm_lets_the_job_go_on_and_the_next_start_adopts_it(stage: Stage) -> None:
    stage.counter.hold(BUILD.word("middle"))
    stage.push(BUILD, TEST)
    stage.counter.wait_for(BUILD.word("middle"))
    assert stage.server.stop() == 0
    stage.counter.release(BUILD.word("middle"))
    stage.counter.wait_for(BUILD.word("end", 1))
    stage.server.start()
    stage.account_for_all()
