"""From a pipeline to orders."""

from dataclasses import replace

from flowforge.engine.graph import in_order
from flowforge.engine.outcome import outcome
from flowforge.engine.plan import Occasion, complete, occasion_env, plan
from flowforge.model.claim import Outcome
from flowforge.model.exit import Exit
from flowforge.model.job_spec import Clone, JobSpec
from flowforge.model.order import JobOrder
from flowforge.model.pipeline_config import OnFailure, PipelineConfig
from flowforge.model.secret_ref import SecretRef
from flowforge.model.source import Source
from flowforge.model.status import Cause, Status
from flowforge.model.step_spec import Checkout, Script, StepSpec, When
from flowforge.model.trigger import PullRequest, Trigger, TriggerEvent

TRIGGER = Trigger(
    event=TriggerEvent.PUSH,
    repository="acme/web",
    commit="c" * 40,
    ref="refs/heads/main",
    branch="main",
    title="$(touch /canary)",
    author="ann",
)
SOURCE = Source(origin="https://forge.example/acme/web.git", commit="c" * 40, ref="refs/heads/main")
OCCASION = Occasion(run_id=7, number=3, trigger=TRIGGER, source=SOURCE, run_url="http://ci.example/7")


def job(key: str, *needs: str, **more: object) -> JobSpec:
    step = StepSpec(name="say", do=Script(text="echo"), env={"S": "step", "BOTH": "step"})
    values: dict[str, object] = {"steps": (step,), **more}
    return JobSpec(key=key, name=key, needs=needs, **values)  # type: ignore[arg-type]


def order_of(spec: JobSpec, **env: str) -> JobOrder:
    pipeline = PipelineConfig(name="p", dialect="native", path="ci.yml", jobs=(spec,), env=env)
    return complete(plan(pipeline, OCCASION).jobs[0].order)


def test_jobs_stand_behind_what_they_need_and_otherwise_as_written() -> None:
    assert in_order({"ship": ["unit", "lint"], "lint": ["build"], "unit": ["build"], "build": []}) == (
        "build",
        "lint",
        "unit",
        "ship",
    )


def test_a_tag_and_a_pull_request_are_told_to_every_step() -> None:
    tagged = replace(TRIGGER, event=TriggerEvent.TAG, ref="refs/tags/v1", branch="")
    found = occasion_env(replace(OCCASION, trigger=tagged))
    assert (found["FLOWFORGE_TAG"], found["FLOWFORGE_BRANCH"], found["FLOWFORGE_PULL_REQUEST"]) == (
        "v1",
        "",
        "",
    )
    request = PullRequest(number=5, target="main", fork=True)
    found = occasion_env(replace(OCCASION, trigger=replace(TRIGGER, pull_request=request)))
    assert (found["FLOWFORGE_PULL_REQUEST"], found["FLOWFORGE_TARGET_BRANCH"]) == ("5", "main")
    assert found["FLOWFORGE_TAG"] == ""


def test_a_plan_keeps_needs_and_the_failure_policy() -> None:
    pipeline = PipelineConfig(
        name="p",
        dialect="native",
        path="ci.yml",
        jobs=(job("test", "build"), job("build")),
        on_failure=OnFailure.CONTINUE,
    )
    made = plan(pipeline, OCCASION)
    assert [(planned.order.key, planned.needs) for planned in made.jobs] == [
        ("build", ()),
        ("test", ("build",)),
    ]
    assert made.on_failure is OnFailure.CONTINUE


def test_the_nearest_environment_wins() -> None:
    env = order_of(job("a", env={"J": "job", "BOTH": "job"}), P="pipeline", BOTH="pipeline").steps[0].env
    assert (env["P"], env["J"], env["S"], env["BOTH"]) == ("pipeline", "job", "step", "step")


def test_every_step_knows_its_run() -> None:
    env = order_of(job("a")).steps[0].env
    assert env["FLOWFORGE_RUN_ID"] == "7"
    assert env["FLOWFORGE_COMMIT"] == "c" * 40
    assert env["FLOWFORGE_JOB"] == "a"
    assert env["CI"] == "true"


def test_the_occasion_is_kept_apart_until_an_order_is_complete() -> None:
    """So that another occasion can take its place, whatever values a pipeline set itself."""
    mine, plain = {"FLOWFORGE_RUN_ID": "mine", "OTHER": "7"}, StepSpec(name="b", do=Script(text="b"))
    steps = (StepSpec(name="a", do=Script(text="a"), env=mine), plain, plain)
    pipeline = PipelineConfig(
        name="p", dialect="native", path="ci.yml", jobs=(job("a", steps=steps),), occasion={"ITS": "7"}
    )
    order = plan(pipeline, OCCASION).jobs[0].order
    assert order.occasion == {**occasion_env(OCCASION), "ITS": "7"}
    assert "ITS" not in order.steps[0].env
    again = complete(replace(order, occasion={"FLOWFORGE_RUN_ID": "8", "ITS": "8"}))
    assert again.occasion == {}
    first, second, third = (step.env for step in again.steps)
    assert first == {"FLOWFORGE_RUN_ID": "mine", "OTHER": "7", "ITS": "8", "FLOWFORGE_JOB": "a"}
    assert second == {"FLOWFORGE_RUN_ID": "8", "ITS": "8", "FLOWFORGE_JOB": "a"}
    assert second is third


def test_metadata_reaches_a_step_as_environment_and_never_as_script() -> None:
    step = order_of(job("a")).steps[0]
    assert step.env["FLOWFORGE_TITLE"] == "$(touch /canary)"
    assert step.do == Script(text="echo")


def test_an_order_carries_all_that_the_job_said() -> None:
    steps = (
        StepSpec(name="checkout", do=Checkout()),
        StepSpec(
            name="x",
            do=Script(text="x"),
            when=When.ALWAYS,
            timeout=5,
            silence_timeout=2,
            working_directory="sub",
        ),
    )
    spec = job(
        "a",
        steps=steps,
        image="busybox",
        clone=Clone.BY_STEP,
        secrets=(SecretRef(name="TOKEN"),),
        timeout=60,
        working_directory="top",
    )
    order = order_of(spec)
    assert (order.image, order.clone, order.timeout, order.source) == ("busybox", Clone.BY_STEP, 60, SOURCE)
    assert order.secrets == (SecretRef(name="TOKEN"),)
    assert [step.working_directory for step in order.steps] == ["top", "sub"]
    assert (order.steps[1].when, order.steps[1].timeout, order.steps[1].silence_timeout) == (
        When.ALWAYS,
        5,
        2,
    )
    assert [step.index for step in order.steps] == [0, 1]


def test_an_attempt_whose_steps_all_succeeded_or_were_skipped_is_a_success() -> None:
    exits = [("a", Exit(status=Status.SUCCESS, code=0)), ("b", Exit(status=Status.SKIPPED))]
    assert outcome(exits) == Outcome(status=Status.SUCCESS)


def test_the_first_failing_step_decides() -> None:
    exits = [
        ("lint", Exit(status=Status.FAILURE, cause=Cause.EXIT, code=3)),
        ("tidy", Exit(status=Status.FAILURE, cause=Cause.TIMEOUT, reason="over 5 s")),
    ]
    assert outcome(exits) == Outcome(
        status=Status.FAILURE, cause=Cause.EXIT, reason='step "lint" ended with exit code 3'
    )
    assert outcome(exits[1:]).reason == "over 5 s"


def test_a_cancelled_step_makes_a_cancelled_attempt() -> None:
    ended = outcome([("a", Exit(status=Status.CANCELLED, cause=Cause.CANCELLED))])
    assert (ended.status, ended.reason) == (Status.CANCELLED, 'step "a": cancelled')
