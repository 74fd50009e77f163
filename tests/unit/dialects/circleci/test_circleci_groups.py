"""Jobs that a workflow uses as one."""

from collections.abc import Mapping

import pytest

from flowforge.dialects.circleci import CIRCLECI
from flowforge.model.inputs import NOTHING_GIVEN, Given
from flowforge.model.job_spec import JobSpec
from flowforge.model.job_terms import JobKind
from flowforge.model.status import Status
from tests.unit.dialects.native.test_native_occasions import push, tag

PATH = ".circleci/config.yml"
JOBS = """
jobs:
  build: {docker: [image: gcc], steps: [run: make]}
  deploy: {docker: [image: gcc], steps: [run: make deploy], parameters: {to: {type: string, default: x}}}
  check: {docker: [image: gcc], steps: [run: make check], parallelism: 2}
  ask: {type: approval}
"""
GROUPED = (
    JOBS
    + """
job-groups:
  ship:
    jobs:
      - deploy: {matrix: {parameters: {to: [a, b]}}}
      - hold: {type: approval, requires: [deploy]}
      - check: {requires: [hold]}
workflows:
  main:
    jobs:
      - build
      - ship: {requires: [build], serial-group: prod/<< pipeline.git.branch >>}
      - build: {name: after, requires: [ship]}
"""
)


def read(text: str, given: Given = NOTHING_GIVEN) -> Mapping[str, JobSpec]:
    parsed = CIRCLECI.parse(text, PATH, given)
    assert parsed.pipeline, [str(each) for each in parsed.problems]
    assert {problem.code for problem in parsed.problems} <= {"unused-job"}
    return {job.key: job for job in parsed.pipeline.jobs}


def problems(text: str) -> list[str]:
    found = CIRCLECI.parse(text, PATH, NOTHING_GIVEN).problems
    return [f"{each.mark.line}: {each.message} ({each.hint}) [{each.code}]" for each in found]


def test_group_stands_for_its_jobs_and_holds_its_serial_group_as_one() -> None:
    jobs = read(GROUPED, push())
    needs = {key: set(job.needs) for key, job in jobs.items()}
    checks = {"ship/check-1-of-2", "ship/check-2-of-2"}
    deploys = {"ship/deploy-a", "ship/deploy-b"}
    assert needs == {
        "build": set(),
        "ship/deploy-a": {"build"},
        "ship/deploy-b": {"build"},
        "ship/hold": deploys,
        "ship/check-1-of-2": {"ship/hold"},
        "ship/check-2-of-2": {"ship/hold"},
        "after": {*deploys, "ship/hold", *checks},
    }
    terms = {key: (job.terms.serial_group, job.terms.serial_unit) for key, job in jobs.items()}
    members = {*deploys, *checks, "ship/hold"}
    assert terms == {key: ("prod/main", "main/ship") if key in members else ("", "") for key in jobs}
    assert jobs["ship/hold"].terms.kind is JobKind.APPROVAL
    assert jobs["ship/deploy-a"].name == "deploy-a"


def test_group_that_is_used_several_times_is_numbered_or_named() -> None:
    text = (
        JOBS
        + """
job-groups: {one: {serial-group: own, jobs: [deploy, check: {requires: [deploy]}]}}
workflows:
  main:
    jobs:
      - one
      - one: {requires: [build]}
      - one: {name: last, serial-group: other, requires: [one-1]}
      - build
      - build: {name: end, requires: [one, last: terminal]}
"""
    )
    jobs = read(text)
    assert {key for key in jobs if key.endswith("deploy")} == {"one-1/deploy", "one-2/deploy", "last/deploy"}
    assert jobs["one-2/deploy"].needs == ("build",)
    assert jobs["one-2/check-1-of-2"].needs == ("one-2/deploy",)
    assert jobs["last/deploy"].needs == ("one-1/deploy", "one-1/check-1-of-2", "one-1/check-2-of-2")
    assert {job.terms.serial_unit for key, job in jobs.items() if "/" in key} == {
        "main/one-1",
        "main/one-2",
        "main/last",
    }
    assert jobs["one-1/deploy"].terms.serial_group == "own"
    assert jobs["last/deploy"].terms.serial_group == "other"
    assert len(jobs["end"].needs) == 9
    assert set(jobs["end"].terms.accepts) == {key for key in jobs if key.startswith("last/")}
    assert Status.SKIPPED in jobs["end"].terms.accepts["last/deploy"]


FILTERED = (
    JOBS
    + """
job-groups:
  ship:
    description: to everybody
    jobs: [deploy, check: {requires: [deploy], filters: {branches: {only: [main, x]}, tags: {only: v1}}}]
  plain: {jobs: [build: {}]}
workflows:
  main:
    jobs:
      - ship: {filters: {branches: {only: main}, tags: {only: "/v.*/"}}}
      - plain: {when: pipeline.number > 5}
"""
)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (push(), {"ship/deploy", "ship/check-1-of-2"}),
        (push("x"), set[str]()),
        (tag("v1"), {"ship/deploy", "ship/check-1-of-2"}),
        (tag("v2"), {"ship/deploy"}),
        (tag("w"), set[str]()),
        (NOTHING_GIVEN, {"ship/deploy", "ship/check-1-of-2"}),
    ],
)
def test_filters_of_a_group_are_those_of_its_jobs(given: Given, left: set[str]) -> None:
    jobs = {key: job for key, job in read(FILTERED, given).items() if not key.endswith("2-of-2")}
    assert {key for key, job in jobs.items() if not job.terms.skip} == left
    if given.trigger and given.trigger.branch:
        assert jobs["plain/build"].terms.skip == "its condition does not hold"


def test_parts_of_a_job_hold_its_serial_group_together() -> None:
    jobs = read(JOBS + "workflows: {main: {jobs: [check: {serial-group: x}, deploy: {serial-group: x}]}}\n")
    assert {jobs[f"check-{part}-of-2"].terms.serial_unit for part in (1, 2)} == {"check-1-of-2"}
    assert jobs["deploy"].terms.serial_unit == ""


def test_job_that_is_defined_as_an_approval_is_a_gate() -> None:
    text = JOBS + "workflows: {main: {jobs: [ask, deploy: {requires: [ask]}]}}\n"
    jobs = read(text)
    assert jobs["ask"].terms.kind is JobKind.APPROVAL
    assert jobs["deploy"].needs == ("ask",)


def test_groups_are_a_mapping_of_limited_size() -> None:
    assert (
        "7: `job-groups` must be a mapping"
        in problems(JOBS + "job-groups: [a]\nworkflows: {m: {jobs: [build]}}")[-1]
    )
    many = "job-groups: {" + ", ".join(f"g{n}: {{jobs: [build]}}" for n in range(1001)) + "}\n"
    assert "a file defines at most 1000 job groups" in "".join(problems(JOBS + many))


def test_groups_without_workflows_and_unused_ones_are_warned_of() -> None:
    for workflows in ("", "workflows: {main: {jobs: [build, deploy, check, ask]}}\n"):
        text = JOBS + "job-groups: {one: {jobs: [build]}}\n" + workflows
        assert problems(text) == [
            "7: no workflow uses the job group `one` (add `- one` to a workflow, or remove the group) [unused-job]"
        ]


def test_groups_that_come_to_more_jobs_than_anybody_reads_are_refused() -> None:
    jobs = ", ".join(["build"] * 1000)
    places = ", ".join(["g"] * 70)
    text = JOBS + f"job-groups: {{g: {{jobs: [{jobs}]}}}}\nworkflows: {{main: {{jobs: [{places}]}}}}\n"
    assert "too-many" in problems(text)[-1]
