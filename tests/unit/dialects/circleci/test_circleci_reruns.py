"""Steps and workflows that are run again by themselves."""

import pytest

from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.native import NATIVE
from flowforge.model.dialect import Dialect
from flowforge.model.inputs import NOTHING_GIVEN
from flowforge.model.job_terms import JobKind, RetryRule
from tests.unit.dialects.native.test_native_occasions import read


@pytest.mark.parametrize(
    ("dialect", "count", "pause"),
    [(NATIVE, "retries", "retry_delay"), (CIRCLECI, "max_auto_reruns", "auto_rerun_delay")],
)
def test_step_is_run_again_as_often_as_it_says(dialect: Dialect, count: str, pause: str) -> None:
    steps = (
        f"[run: make, run: {{command: make, {count}: 3, {pause}: 10s}}, run: {{command: make, {count}: 5}}]"
    )
    (job,) = read(f"jobs: {{a: {{steps: {steps}}}}}", dialect=dialect).jobs
    assert [(step.reruns, step.rerun_pause) for step in job.steps] == [(0, 0), (3, 10), (5, 0)]


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("retries: 6", "`retries` must be a whole number, and is `6`"),
        ("retries: 0", "`retries` must be a whole number, and is `0`"),
        ("retries: 1, retry_delay: 11m", "`retry_delay` cannot be `11m`"),
        ("retry_delay: 1s", "`retry_delay` stands alone"),
        ("max_auto_reruns: 1", "unknown key of `run`: `max_auto_reruns`"),
    ],
)
def test_reruns_that_cannot_be_are_named(step: str, why: str) -> None:
    text = f"jobs:\n  a:\n    steps:\n      - run: {{command: make, {step}}}\n"
    (problem,) = NATIVE.parse(text, "ci.yml", NOTHING_GIVEN).problems
    assert (problem.message, problem.mark.line) == (why, 4)


WORKFLOW = """
jobs:
  a: {steps: [checkout]}
  b: {steps: [checkout], retries: 1}
workflows:
  one: {max_auto_reruns: 3, jobs: [a, b, hold: {type: approval}]}
"""


def test_what_fails_in_a_workflow_is_tried_again_as_often_as_that_says() -> None:
    jobs = {job.key: job.terms for job in read(WORKFLOW, dialect=CIRCLECI).jobs}
    assert jobs["a"].retry == (RetryRule(limit=3),)
    assert jobs["b"].retry == (RetryRule(limit=1),)
    assert jobs["hold"].kind is JobKind.APPROVAL


def test_reruns_of_a_job_are_told_where_they_belong() -> None:
    text = WORKFLOW.replace("retries: 1", "max_auto_reruns: 1").replace(
        "max_auto_reruns: 3", "max_auto_reruns: 6"
    )
    found = CIRCLECI.parse(
        text + "  two: {jobs: [a: {max_auto_reruns: 1}, nobody]}\n", "c.yml", NOTHING_GIVEN
    ).problems
    assert [(each.mark.line, each.code) for each in found] == [
        (4, "unknown-key"),
        (6, "bad-value"),
        (7, "unknown-key"),
        (7, "unknown-job"),
    ]
    assert found[0].hint == "write it at the workflow, or `retries` at the job"
