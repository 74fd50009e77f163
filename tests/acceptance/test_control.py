"""Cancel in every state, and run again, over the API of the real server."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.counted import CountedJob
from tests.rig.machine import until
from tests.rig.stage import Stage, come_to_rest, wait_for_delivery

pytestmark = pytest.mark.parametrize(
    "machine", [pytest.param("process", marks=pytest.mark.needs("busybox", "git"))], indirect=True
)

BUILD = CountedJob("build", steps=2, lines=2)
TEST = CountedJob("test", steps=1, lines=2)
SHIP = CountedJob("ship", requires=("build",), steps=1, lines=2)
BY = "cancelled by the local token"


@pytest.fixture
def settings() -> dict[str, str]:
    return {"FLOWFORGE_RUNNER_SLOTS": "1"}


@pytest.fixture
def stage(stage: Stage) -> Iterator[Stage]:
    """Every test ends with the account of what it left. Of several runs of a commit the newest has its word."""
    yield stage
    for run_id in {commit: run_id for run_id, (commit, _) in sorted(stage.pushed.items())}.values():
        wait_for_delivery(stage.server, run_id)
    come_to_rest(stage.server, stage.machine)


def cancel(stage: Stage, run_id: int) -> tuple[int, Any]:
    answer = stage.server.api("POST", f"/runs/{run_id}/cancel")
    return answer.status, answer.value


def statuses(run: Any) -> dict[str, tuple[str, str | None]]:
    return {job["name"]: (job["status"], job["cause"]) for job in run["jobs"]}


def begun(stage: Stage) -> int:
    """A run whose first job is in the midst of its first step, and waits there."""
    stage.counter.hold(BUILD.word("middle"))
    run_id = stage.push(BUILD, TEST, SHIP)
    stage.counter.wait_for(BUILD.word("middle"))
    return run_id


def test_a_run_that_is_not_planned_yet_is_cancelled_at_once(stage: Stage) -> None:
    stage.forge.git.open.clear()
    run_id = stage.push(BUILD)
    code, run = cancel(stage, run_id)
    stage.forge.git.open.set()
    assert (code, run["status"], run["cause"], run["jobs"]) == (200, "cancelled", "cancelled", [])
    assert stage.counter.told == []


def test_what_runs_is_stopped_and_what_waits_never_begins(stage: Stage) -> None:
    run_id = begun(stage)
    code, _ = cancel(stage, run_id)
    assert code == 200
    run = stage.server.over(run_id)
    assert (run["status"], run["cause"]) == ("cancelled", "cancelled")
    assert statuses(run) == dict.fromkeys(("build", "test", "ship"), ("cancelled", "cancelled"))
    assert [step["status"] for step in run["jobs"][0]["steps"]] == ["cancelled", "skipped"]
    assert stage.counter.counts(run_id) == {BUILD.word("begin"): 1, BUILD.word("middle"): 1}
    assert stage.server.log(run_id, "build") == BUILD.log[: len(BUILD.log) // 4]


def test_a_second_cancel_changes_nothing_and_one_after_the_end_is_a_conflict(stage: Stage) -> None:
    run_id = begun(stage)
    assert [cancel(stage, run_id)[0], cancel(stage, run_id)[0]] in ([200, 200], [200, 409])
    stage.server.over(run_id)
    code, problem = cancel(stage, run_id)
    assert (code, problem["status"]) == (409, 409)
    assert problem["detail"] == f"run {run_id} is over (cancelled) and cannot be cancelled"


def test_a_run_that_succeeded_cannot_be_cancelled(stage: Stage) -> None:
    run_id = stage.push(TEST)
    stage.server.over(run_id)
    assert cancel(stage, run_id)[0] == 409
    assert stage.server.run(run_id)["status"] == "success"


def test_a_cancel_outlives_the_server(stage: Stage) -> None:
    run_id = begun(stage)
    assert cancel(stage, run_id)[0] == 200
    stage.restart()
    assert stage.server.over(run_id)["status"] == "cancelled"


def test_no_run_is_cancelled_that_does_not_exist(stage: Stage) -> None:
    assert cancel(stage, 77)[0] == 404


def test_a_run_is_run_again_once_it_is_over(stage: Stage) -> None:
    run_id = begun(stage)
    assert stage.server.api("POST", f"/runs/{run_id}/rerun").status == 409
    cancel(stage, run_id)
    stage.server.over(run_id)
    stage.counter.release(BUILD.word("middle"))
    answer = stage.server.api("POST", f"/runs/{run_id}/rerun")
    assert answer.status == 201
    again = answer.value
    assert answer.headers["location"] == f"/api/v1/runs/{again['id']}"
    assert (again["rerun_of"], again["attempt"], again["number"]) == (run_id, 2, 2)
    stage.pushed[again["id"]] = stage.pushed[run_id]
    run = stage.server.over(again["id"])
    assert statuses(run) == dict.fromkeys(("build", "test", "ship"), ("success", None))
    assert stage.server.log(again["id"], "build") == BUILD.log
    until(lambda: stage.forge.states_of(stage.pushed[run_id][0])[-1] == "success", "the commit's new status")


def test_only_what_was_cut_off_runs_again_and_the_rest_is_kept_with_its_logs(stage: Stage) -> None:
    stage.counter.hold(SHIP.word("middle"))
    run_id = stage.push(BUILD, TEST, SHIP)
    stage.counter.wait_for(SHIP.word("middle"))
    cancel(stage, run_id)
    stage.server.over(run_id)
    stage.counter.release(SHIP.word("middle"))
    answer = stage.server.api("POST", f"/runs/{run_id}/rerun", {"failed": True})
    assert answer.status == 201
    again = answer.value["id"]
    stage.pushed[again] = stage.pushed[run_id]
    run = stage.server.over(again)
    assert statuses(run) == dict.fromkeys(("build", "test", "ship"), ("success", None))
    assert [job["kept_from"] is not None for job in run["jobs"]] == [True, True, False]
    assert stage.counter.counts(again) == SHIP.words
    for job in (BUILD, TEST, SHIP):
        assert stage.server.log(again, job.name) == job.log
    refused = stage.server.api("POST", f"/runs/{again}/rerun", {"failed": True})
    assert (refused.status, refused.value["detail"]) == (
        409,
        f"nothing of run {again} failed: re-run all of it, or one job",
    )


def test_a_job_that_waits_says_for_what(stage: Stage) -> None:
    run_id = begun(stage)
    jobs = {job["name"]: job for job in stage.server.run(run_id)["jobs"]}
    assert jobs["ship"]["reason"] == "waits for build"
    assert jobs["test"]["reason"] == "waits for a free runner"
    cancel(stage, run_id)
    stage.server.over(run_id)
