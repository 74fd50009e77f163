"""The sentence that says why a job stands where it stands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowforge.engine.why import Machine, Surroundings, why, why_run
from flowforge.model.job_run import JobRun
from flowforge.model.job_terms import JobTerms
from flowforge.model.run import Gate, Run
from flowforge.model.runner import Runner, Trust
from flowforge.model.status import Status
from flowforge.model.trigger import PullRequest, Trigger, TriggerEvent

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = Run(
    id=7,
    organisation_id=1,
    project_id=1,
    pipeline_id=1,
    provider="local",
    number=3,
    trigger=Trigger(event=TriggerEvent.PUSH, repository="acme/web", commit="c" * 40),
    created_at=NOW,
    planned_at=NOW,
)
HERE = Runner(
    id=1, organisation_id=1, name="a", host="a", labels=("linux",), executor="docker", created_at=NOW
)
LINUX = Machine(runner=HERE, online=True)
AWAY = Machine(runner=replace(HERE, labels=("linux", "gpu")), online=False)


def job(key: str = "test", **changes: Any) -> JobRun:
    return replace(JobRun(id=1, run_id=7, key=key, name=key, created_at=NOW), **changes)


def around(*jobs: JobRun, **changes: Any) -> Surroundings:
    return replace(Surroundings(run=RUN, jobs={each.key: each for each in jobs}, now=NOW), **changes)


def test_a_blocked_job_names_what_it_waits_for() -> None:
    build, lint = job("build"), job("lint", status=Status.SUCCESS)
    assert why(job(needs=("build", "lint")), around(build, lint)) == "waits for build"


def test_of_many_needs_some_are_named() -> None:
    needs = [job(f"j{n}") for n in range(8)]
    sentence = why(job(needs=tuple(each.key for each in needs)), around(*needs))
    assert sentence == "waits for j0, j1, j2, j3, j4 and 3 more"


def test_a_ready_job_says_which_labels_nobody_has() -> None:
    picky = job(ready=True, terms=JobTerms(labels=("linux", "gpu")))
    sentence = "waits for a runner with the labels linux,gpu"
    assert why(picky, around(machines=[LINUX, LINUX, AWAY])) == f"{sentence} (2 online, none has them)"
    assert why(picky, around(machines=[AWAY])) == f"{sentence} (none is online)"


def test_a_ready_job_says_how_many_are_before_it() -> None:
    ready = job(ready=True, terms=JobTerms(labels=("linux",)))
    assert why(ready, around(machines=[LINUX], ahead={1: 3})) == "waits its turn: 3 jobs before it"
    assert why(ready, around(machines=[LINUX], ahead={1: 1})) == "waits its turn: 1 job before it"
    assert why(ready, around(machines=[LINUX])) == "waits for a free runner"


def test_a_ready_job_says_what_keeps_all_that_could_take_it_from_it() -> None:
    full = replace(LINUX, runner=replace(LINUX.runner, note="the disk is almost full"))
    ready = job(ready=True)
    assert why(ready, around(machines=[full])) == f"{LINUX.runner.name}: the disk is almost full"
    assert why(ready, around(machines=[full, LINUX])) == "waits for a free runner"


def test_a_ready_job_without_any_runner_says_so_unless_more_is_known() -> None:
    assert why(job(ready=True), around()) == "waits for a runner: none is online"
    assert why(job(ready=True, reason="local: no engine"), around()) == "local: no engine"


def test_a_job_that_is_tried_again_says_what_became_of_the_attempt_before() -> None:
    lost = job(ready=True, attempt=1, reason="attempt 1 was lost: it vanished")
    assert why(lost, around()) == "attempt 1 was lost: it vanished; waits for a runner: none is online"
    assert why(lost, around(machines=[LINUX])) == "attempt 1 was lost: it vanished; waits for a free runner"
    broke = job(attempt=1, ready_at=NOW + timedelta(seconds=30), reason="attempt 1 failed: no engine")
    assert why(broke, around()) == "attempt 1 failed: no engine; tried again at 12:00:30 UTC"
    assert why(replace(broke, ready_at=NOW), around()) == "attempt 1 failed: no engine; tried again soon"


def test_what_was_said_while_nobody_could_take_the_job_is_over_once_somebody_can() -> None:
    ready = job(ready=True, reason="no runner is connected")
    assert why(ready, around(machines=[LINUX])) == "waits for a free runner"


def test_a_runner_of_another_project_may_not_take_the_job() -> None:
    theirs = Machine(runner=replace(HERE, projects=(9,)), online=True)
    sentence = "waits for a runner that may take it: 1 online, none may"
    assert why(job(ready=True), around(machines=[theirs])) == sentence


def test_a_job_whose_only_fitting_runners_drain_names_them() -> None:
    away = Machine(runner=replace(HERE, draining=True), online=True)
    sentence = "waits for a runner that takes jobs: a is draining"
    assert why(job(ready=True), around(machines=[away], ahead={1: 3})) == sentence
    assert why(job(ready=True), around(machines=[away, LINUX])) == "waits for a free runner"
    lost = job(ready=True, attempt=1, reason="attempt 1 was lost: it vanished")
    assert why(lost, around(machines=[away])) == f"attempt 1 was lost: it vanished; {sentence}"
    many = [Machine(runner=replace(away.runner, name=f"r{n}"), online=True) for n in range(7)]
    assert why(job(ready=True), around(machines=many)).endswith("r0, r1, r2, r3, r4 and 2 more are draining")


@pytest.mark.parametrize(
    "changes", [{"executor": "process"}, {"executor": ""}, {"trust": Trust.TRUSTED_ONLY}]
)
def test_somebody_elses_code_that_no_runner_may_run_says_the_rule(changes: dict[str, Any]) -> None:
    fork = PullRequest(number=4, target="main", source_repository="stranger/web", fork=True)
    foreign = replace(RUN, trigger=replace(RUN.trigger, pull_request=fork))
    open_hearted = Machine(runner=replace(HERE, **changes), online=True)
    assert why(job(ready=True), around(run=foreign, machines=[open_hearted])) == (
        "waits for a runner that may run somebody else's code: 1 online, none may; "
        "it needs one that keeps jobs in containers and is not bound to trusted code"
    )
    assert why(job(ready=True), around(run=foreign, machines=[LINUX])) == "waits for a free runner"


def test_a_job_of_a_serial_group_names_who_has_the_turn() -> None:
    holder = job("ship", run_id=5, status=Status.RUNNING)
    queued = job(ready_at=NOW, terms=JobTerms(serial_group="prod"))
    assert (
        why(queued, around(lines={"prod": [queued, holder]})) == 'waits for job "ship" of run 5 in group prod'
    )


def test_jobs_of_a_run_in_line_wait_for_the_run_before() -> None:
    queued = replace(RUN, gate=Gate.TURN, group="deploy", reason="waits for its turn in group deploy")
    assert why(job(), around(run=queued, run_ahead=5)) == "waits for run 5 in group deploy"
    assert why_run(around(run=queued)) == "waits for its turn in group deploy"


def test_jobs_of_a_held_run_wait_for_its_approval() -> None:
    held = replace(
        RUN, gate=Gate.APPROVAL, status=Status.WAITING, reason="from a fork: waits for an approval"
    )
    assert why(job(), around(run=held)) == "from a fork: waits for an approval"


def test_what_does_not_wait_keeps_its_own_reason() -> None:
    assert why(job(status=Status.SKIPPED, reason="branch x is not main"), around()) == "branch x is not main"
    assert why(job(status=Status.SUCCESS), around()) == ""
    assert (
        why_run(around(run=replace(RUN, status=Status.CANCELLED, gate=Gate.TURN, reason="by ann")))
        == "by ann"
    )
