"""Workflows that run by the clock."""

from collections.abc import Mapping

import pytest

from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.native import NATIVE
from flowforge.model.inputs import NOTHING_GIVEN, Given
from flowforge.model.pipeline_config import PipelineConfig
from flowforge.model.schedule import Schedule
from flowforge.model.trigger import Trigger, TriggerEvent
from tests.unit.dialects.native.test_native_occasions import push

PATH = ".circleci/config.yml"
FILE = """
jobs: {a: {docker: [image: x], steps: [checkout]}}
workflows:
  always: {jobs: [a]}
  nightly:
    triggers:
      - schedule: {cron: "0 4 * * *", filters: {branches: {only: [main, next, main]}}}
    jobs: [a]
  weekly:
    triggers:
      - schedule: {cron: "0 5 * * 1", filters: {branches: {ignore: old}}}
      - schedule: {cron: "0 6 * * 1"}
    jobs: [a]
  never: {triggers: , jobs: [a]}
"""


def due(name: str, branch: str = "main") -> Given:
    trigger = Trigger(
        event=TriggerEvent.SCHEDULE, repository="a/b", commit="c" * 40, branch=branch, title=name
    )
    return Given(trigger=trigger, number=3, run_id=30)


def read(text: str, given: Given = NOTHING_GIVEN) -> PipelineConfig:
    parsed = CIRCLECI.parse(text, PATH, given)
    assert parsed.pipeline, [str(each) for each in parsed.problems]
    return parsed.pipeline


def skips(given: Given, text: str = FILE) -> Mapping[str, str]:
    return {job.key.partition("/")[0]: job.terms.skip for job in read(text, given).jobs}


def problems(text: str) -> list[str]:
    found = CIRCLECI.parse(text, PATH, NOTHING_GIVEN).problems
    return [f"{each.mark.line}: {each.message} ({each.hint}) [{each.code}]" for each in found]


@pytest.mark.parametrize(("count", "expected"), [(20, []), (21, ["too-many"]), (5000, ["too-many"])])
def test_a_schedule_has_so_many_branches_and_no_more(count: int, expected: list[str]) -> None:
    names = ", ".join(f"b{n}" for n in range(count))
    text = FILE.replace("[main, next, main]", f"[{names}, b0]")
    assert [each.rpartition("[")[2].rstrip("]") for each in problems(text)] == expected
    assert all("7: " in each and "20 is the most" in each for each in problems(text))


def test_schedules_of_workflows_are_those_of_the_pipeline() -> None:
    assert read(FILE).schedules == (
        Schedule(name="nightly", cron="0 4 * * *", branches=("main", "next")),
        Schedule(name="weekly 1", cron="0 5 * * 1"),
        Schedule(name="weekly 2", cron="0 6 * * 1"),
    )


@pytest.mark.parametrize(
    ("given", "taking_part"),
    [
        (NOTHING_GIVEN, {"always", "nightly", "weekly", "never"}),
        (push(), {"always", "never"}),
        (due("nightly"), {"nightly"}),
        (due("nightly", "other"), set[str]()),
        (due("weekly 1"), {"weekly"}),
        (due("weekly 1", "old"), set[str]()),
        (due("weekly 2", "old"), {"weekly"}),
        (due("one of the file's own"), {"always", "nightly", "weekly", "never"}),
    ],
)
def test_scheduled_workflow_runs_by_its_own_schedule_only(given: Given, taking_part: set[str]) -> None:
    assert {name for name, skip in skips(given).items() if not skip} == taking_part


def test_workflow_that_does_not_run_now_says_why() -> None:
    assert skips(push())["nightly"] == "the workflow `nightly` is left out: it runs by its schedule only"
    assert (
        skips(due("nightly"))["always"]
        == "the workflow `always` is left out: this is the run of another schedule"
    )
    left = skips(due("nightly", "other"))["nightly"]
    assert left == "the workflow `nightly` is left out: its filter does not name the branch `other`"


def test_schedule_of_the_whole_file_runs_what_has_none_of_its_own() -> None:
    text = FILE + 'triggers: {schedule: {name: hourly, cron: "0 * * * *"}}\n'
    assert {name for name, skip in skips(due("hourly"), text).items() if not skip} == {"always", "never"}
    assert {name for name, skip in skips(due("nightly"), text).items() if not skip} == {"nightly"}


def test_schedules_have_a_number() -> None:
    schedules = ", ".join(["schedule: {cron: 0 0 1 1 1}"] * 101)
    text = f"jobs: {{a: {{steps: [checkout]}}}}\nworkflows: {{one: {{jobs: [a], triggers: [{schedules}]}}}}\n"
    assert problems(text) == ["2: `triggers` has more than 100 entries (write fewer) [too-many]"]


def test_two_schedules_of_one_name_are_refused() -> None:
    jobs = "jobs: {a: {docker: [image: x], steps: [checkout]}}\n"
    workflow = 'workflows: {same: {jobs: [a], triggers: [schedule: {cron: "0 4 * * *"}]}}\n'
    own = 'triggers: {schedule: [{name: same, cron: "0 4 * * *"}]}\n'
    assert problems(jobs + workflow) == []
    assert problems(jobs + workflow + own) == [
        "3: two schedules are called `same` (give each another name) [duplicate-key]"
    ]
    both = jobs + 'triggers: {schedule: [{name: x, cron: "0 4 * * *"}, {name: x, cron: "0 5 * * *"}]}\n'
    assert [each.code for each in NATIVE.parse(both, "ci.yml", NOTHING_GIVEN).problems] == ["duplicate-key"]


def test_blocks_of_a_template_are_named_where_they_stand() -> None:
    text = "jobs:\n  a:\n    steps:\n      - checkout\n      <<# pipeline.parameters.e >>\n      - run: x\n"
    (problem,) = CIRCLECI.parse(text, PATH, NOTHING_GIVEN).problems
    assert (problem.code, problem.mark.line, problem.mark.column) == ("template-block", 5, 7)


def test_first_of_two_pipelines_is_a_named_problem_and_no_crash() -> None:
    jobs = "jobs: {a: {docker: [image: x], steps: [checkout]}}\n"
    assert problems("setup: false\n" + jobs) == []
    (problem,) = problems("version: 2.1\nsetup: true\n" + jobs)
    assert problem.startswith("2: `setup: true` makes this the first of two pipelines")
    assert problem.endswith("[setup-config]")
    (problem,) = problems("setup: 1\n" + jobs)
    assert problem.endswith("[wrong-type]")
