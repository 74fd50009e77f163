"""What a file says depends on what it is read for."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.native import NATIVE
from flowforge.model.dialect import Dialect
from flowforge.model.inputs import NOTHING_GIVEN, Given, InputValue
from flowforge.model.pipeline_config import Concurrency, PipelineConfig
from flowforge.model.step_spec import Script
from flowforge.model.trigger import PullRequest, Trigger, TriggerEvent

PATH = ".flowforge/ci.yml"
STEPS = "steps: [checkout]"


def push(branch: str = "main", **more: object) -> Given:
    ref = f"refs/heads/{branch}"
    trigger = Trigger(event=TriggerEvent.PUSH, repository="acme/web", commit="c" * 40, ref=ref, branch=branch)
    return Given(trigger=trigger, number=3, run_id=30, **more)  # type: ignore[arg-type]


def tag(name: str) -> Given:
    ref = f"refs/tags/{name}"
    return Given(trigger=Trigger(event=TriggerEvent.TAG, repository="acme/web", commit="c" * 40, ref=ref))


def by_hand(**inputs: InputValue) -> Given:
    trigger = Trigger(event=TriggerEvent.MANUAL, repository="acme/web", commit="c" * 40, branch="main")
    return Given(trigger=trigger, inputs=inputs)


REQUEST = Given(
    trigger=Trigger(
        event=TriggerEvent.PULL_REQUEST,
        repository="acme/web",
        commit="c" * 40,
        branch="topic",
        pull_request=PullRequest(number=5, target="main", fork=True),
    )
)


def read(text: str, given: Given = NOTHING_GIVEN, dialect: Dialect = NATIVE) -> PipelineConfig:
    parsed = dialect.parse(text, PATH, given)
    assert parsed.pipeline, [str(each) for each in parsed.problems]
    return parsed.pipeline


def codes(text: str, given: Given = NOTHING_GIVEN) -> list[str]:
    return [problem.code for problem in NATIVE.parse(text, PATH, given).errors]


def skips(text: str, given: Given, dialect: Dialect = NATIVE) -> Mapping[str, str]:
    return {job.key: job.terms.skip for job in read(text, given, dialect).jobs}


FILTERED = f"""
jobs:
  all: {{{STEPS}}}
  main: {{{STEPS}, filters: {{branches: [main, /r-.*/]}}}}
  others: {{{STEPS}, filters: {{branches: {{ignore: main}}}}}}
  release: {{{STEPS}, filters: {{branches: {{ignore: /.*/}}, tags: /v.*/}}}}
  empty: {{{STEPS}, filters: {{}}}}
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (push(), {"all", "main", "empty"}),
        (push("r-1"), {"all", "main", "others", "empty"}),
        (push("topic"), {"all", "others", "empty"}),
        (tag("v1"), {"all", "others", "release", "empty"}),
        (tag("x"), {"all", "others", "empty"}),
        (NOTHING_GIVEN, {"all", "main", "others", "release", "empty"}),
    ],
)
def test_filters_choose_the_jobs_of_a_branch_or_tag(given: Given, expected: set[str]) -> None:
    assert {key for key, skip in skips(FILTERED, given).items() if not skip} == expected


def test_job_that_is_left_out_says_why() -> None:
    found = skips(FILTERED, push("topic"))
    assert found["main"] == "its filter does not name the branch `topic`"
    assert skips(FILTERED, push())["others"] == "its filter ignores the branch `main`"
    assert skips(FILTERED, tag("v1"))["main"] == "a tag, `v1`, is none of the branches in its filter"


def test_tags_are_for_the_jobs_that_name_them_in_circleci() -> None:
    text = f"""
jobs: {{a: {{{STEPS}}}, b: {{{STEPS}}}}}
workflows: {{w: {{jobs: [a, b: {{filters: {{tags: {{only: /v.*/}}}}}}, a: {{name: c, filters: {{branches: main}}}}]}}}}
"""
    assert {key for key, skip in skips(text, tag("v1"), CIRCLECI).items() if not skip} == {"b"}
    assert {key for key, skip in skips(text, push(), CIRCLECI).items() if not skip} == {"a", "b", "c"}
    assert (
        read(text, tag("x"), CIRCLECI).skip
        == "none of its jobs takes part: a: no filter of it names the tag `x`"
    )


def test_paths_choose_by_what_changed() -> None:
    text = f"""
jobs:
  code: {{{STEPS}, paths: {{only: [src/**, "*.py"], ignore: "**/*.md"}}}}
  docs: {{{STEPS}, paths: docs/}}
  any: {{{STEPS}}}
"""
    assert skips(text, push(changed=("src/a.md", "x.py")))["code"] == ""
    assert skips(text, push(changed=("src/a.md",)))["code"] == "no file changed that its paths name"
    assert skips(text, push(changed=("docs/a",))) == {
        "code": "no file changed that its paths name",
        "docs": "",
        "any": "",
    }
    assert set(skips(text, push()).values()) == {""}


def test_more_changed_paths_than_can_be_looked_at_pass() -> None:
    text = f"jobs: {{a: {{{STEPS}, paths: nowhere/}}}}"
    assert skips(text, push(changed=tuple(f"{'d/' * 500}{n}" for n in range(2500))))["a"] == ""


def test_name_that_is_too_long_to_be_one_matches_nothing() -> None:
    text = f"jobs: {{a: {{{STEPS}, filters: {{branches: /.*/}}}}, b: {{{STEPS}}}}}"
    assert skips(text, push("x" * 3000))["a"]


def test_whole_pipeline_is_left_out_by_its_triggers_and_paths() -> None:
    text = f"""
paths: src/
triggers:
  push: {{branches: [main], paths: {{ignore: "*.md"}}}}
  tag: /v.*/
  pull_request: other
  manual: false
jobs: {{a: {{{STEPS}}}}}
"""
    assert read(text, push()).skip == ""
    assert read(text, push(changed=("src/a",))).skip == ""
    assert read(text, push(changed=("a.md",))).skip == "no file changed that its paths name"
    assert read(text, push(changed=("other",))).skip == "no file changed that its paths name"
    assert read(text, push("topic")).skip == "its filter does not name the branch `topic`"
    assert read(text, tag("v1")).skip == ""
    assert read(text, tag("x")).skip == "its filter does not name the tag `x`"
    assert read(text, REQUEST).skip == "its filter does not name the branch `main`"
    assert read(text, by_hand()).skip == "the pipeline says `manual: false`"
    assert read(text).skip == ""


def test_workflow_and_job_are_left_out_by_their_conditions() -> None:
    text = f"""
parameters: {{deep: {{type: boolean, default: false}}}}
jobs:
  a: {{{STEPS}}}
  b: {{{STEPS}, unless: {{equal: [main, << pipeline.git.branch >>]}}}}
workflows:
  one: {{when: << pipeline.parameters.deep >>, jobs: [a]}}
  two: {{unless: << pipeline.parameters.deep >>, jobs: [a, b]}}
"""
    assert skips(text, push()) == {
        "one/a": "the workflow `one` is left out: its condition does not hold",
        "two/a": "",
        "b": "its condition does not hold",
    }
    assert {key for key, skip in skips(text, by_hand(deep="true")).items() if skip} == {"two/a", "b"}


def test_what_is_left_out_is_not_waited_for_unless_nothing_else_is() -> None:
    text = f"""
jobs:
  a: {{{STEPS}, filters: {{branches: other}}}}
  b: {{{STEPS}}}
workflows:
  w:
    jobs:
      - a
      - b
      - b: {{name: both, requires: [a, b]}}
      - b: {{name: none, requires: [a]}}
      - b: {{name: then, requires: [none: failed]}}
"""
    jobs = {job.key: job for job in read(text, push()).jobs}
    assert jobs["both"].needs == ("b",)
    assert jobs["none"].terms.skip == jobs["then"].terms.skip == "all that it requires is left out"
    assert jobs["then"].needs == ("none",)
    assert not jobs["both"].terms.skip


CONDITIONS = """
jobs:
  a:
    steps:
      - when: {condition: %s, steps: [run: "yes"]}
      - unless: {condition: %s, steps: [run: "no"]}
"""


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("true", True),
        ("0", False),
        ("~", False),
        ("''", False),
        (".nan", False),
        ("text", True),
        ("{and: [true, {not: false}]}", True),
        ("{and: [true, << pipeline.git.tag >>]}", False),
        ("{or: [false, << pipeline.git.branch >>]}", True),
        ("{equal: [<< pipeline.number >>, 3]}", True),
        ("{equal: [<< pipeline.number >>, '3']}", False),
        ("{matches: {pattern: 'ma.+', value: << pipeline.git.branch >>}}", True),
        ("{matches: {pattern: 'm', value: << pipeline.git.branch >>}}", False),
        ("{matches: {pattern: 'm', value: ~}}", False),
        ("{not: {equal: [<< pipeline.git.branch >>, main]}}", False),
    ],
)
def test_condition_decides_which_steps_there_are(condition: str, holds: bool) -> None:
    (job,) = read(CONDITIONS % (condition, condition), push()).jobs
    assert [step.name for step in job.steps] == (["yes"] if holds else ["no"])


@pytest.mark.parametrize(
    "condition",
    [
        "<< pipeline.git.branch >>",
        "{not: << pipeline.git.branch >>}",
        "{and: [true, << pipeline.git.branch >>]}",
        "{equal: [main, << pipeline.git.branch >>]}",
        "{matches: {pattern: x, value: << pipeline.git.branch >>}}",
    ],
)
def test_both_sides_of_an_open_condition_are_there_without_an_occasion(condition: str) -> None:
    (job,) = read(CONDITIONS % (condition, condition)).jobs
    assert [step.name for step in job.steps] == ["yes", "no"]


def test_side_that_is_not_taken_is_checked_without_an_occasion_but_for_its_values() -> None:
    text = """
parameters: {key: {type: integer, default: 0}}
commands: {c: {parameters: {image: {type: string, default: ""}}, steps: [run: << parameters.image >>]}}
jobs: {a: {steps: [when: {condition: << pipeline.parameters.key >>, steps: [%s]}, checkout]}}
"""
    assert codes(text % "chekout") == ["unknown-step"]
    assert codes(text % "c") == []
    assert codes(text % "chekout", push()) == []


INPUTS = """
parameters:
  text: {type: string, default: x}
  flag: {type: boolean, default: false}
  whole: {type: integer, default: 1}
  share: {type: number, default: 0.5}
  choice: {type: enum, enum: [a, b], default: a}
jobs:
  a:
    environment:
      - T=<< pipeline.parameters.text >>
      - F: << pipeline.parameters.flag >>
      - W: << pipeline.parameters.whole >>
      - S: << pipeline.parameters.share >>
      - C: << pipeline.parameters.choice >>
    steps: [checkout]
"""


def test_inputs_have_their_defaults_and_take_what_is_given() -> None:
    (job,) = read(INPUTS, by_hand()).jobs
    assert job.env == {"T": "x", "F": "false", "W": "1", "S": "0.5", "C": "a"}
    (job,) = read(INPUTS, by_hand(text="$(id)", flag=True, whole=7, share="1.5", choice="b")).jobs
    assert job.env == {"T": "$(id)", "F": "true", "W": "7", "S": "1.5", "C": "b"}
    (job,) = read(INPUTS, by_hand(text=3, flag="FALSE", whole="8", share=2)).jobs
    assert job.env == {"T": "3", "F": "false", "W": "8", "S": "2", "C": "a"}


@pytest.mark.parametrize(
    "inputs",
    [
        {"flag": "maybe"},
        {"flag": 1},
        {"whole": 1.5},
        {"whole": "1.5"},
        {"whole": True},
        {"whole": "x"},
        {"whole": float("inf")},
        {"share": "nan"},
        {"share": "x"},
        {"choice": "c"},
        {"text": "x" * 20_000},
    ],
)
def test_input_of_a_wrong_type_is_refused(inputs: Mapping[str, InputValue]) -> None:
    assert codes(INPUTS, by_hand(**inputs)) == ["bad-input"]


def test_input_that_nobody_declared_or_gave_is_refused() -> None:
    assert codes(INPUTS, by_hand(wohle=1)) == ["unknown-input"]
    assert codes("jobs: {a: {steps: [checkout]}}", by_hand(x=1)) == ["unknown-input"]
    text = "parameters: {x: {type: string}}\njobs: {a: {steps: [run: << pipeline.parameters.x >>]}}"
    assert codes(text, by_hand()) == ["missing-input"]
    assert codes(text) == []


def test_a_run_that_is_left_out_lacks_no_input() -> None:
    text = "parameters: {x: {type: string}}\ntriggers: {manual: false}\njobs: {a: {steps: [checkout]}}"
    assert codes(text, by_hand()) == []


HOSTILE = [
    "a;touch canary",
    "$(touch canary)",
    "`touch canary`",
    "x\ntouch canary",
    "'; touch canary; '",
    '"; touch canary; "',
    "<< pipeline.id >>",
]


@pytest.mark.parametrize("word", HOSTILE)
def test_words_from_outside_never_become_script(word: str, tmp_path: Path) -> None:
    text = """
parameters: {note: {type: string, default: ""}}
commands: {say: {parameters: {what: {type: string}}, steps: [run: 'printf "%s\\n" "<< parameters.what >>"']}}
jobs:
  a:
    steps:
      - say: {what: "<< pipeline.git.branch >>,<< pipeline.git.title >>"}
      - run: printf '%s\\n' "<< pipeline.parameters.note >>" << pipeline.git.author >>
      - run: echo '<< pipeline.git.ref >>'
"""
    trigger = Trigger(
        event=TriggerEvent.PUSH,
        repository="acme/web",
        commit="c" * 40,
        ref=word,
        branch=word,
        title=word,
        author=word,
    )
    (job,) = read(text, Given(trigger=trigger, inputs={"note": word})).jobs
    for step in job.steps:
        assert isinstance(step.do, Script)
        assert word not in step.do.text
        subprocess.run(
            ["/bin/sh", "-c", step.do.text],
            check=True,
            env=dict(step.env),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert list(tmp_path.iterdir()) == []
    assert job.steps[0].env == {"FLOWFORGE_VALUE_1": word}


def test_words_from_outside_are_there_where_the_script_reads_its_variable() -> None:
    text = 'jobs: {a: {steps: [run: echo "<< pipeline.git.branch >>" "<< pipeline.project.slug >>" << pipeline.number >>]}}'
    (job,) = read(text, push("b")).jobs
    assert job.steps[0].do == Script(text='echo "${FLOWFORGE_VALUE_1}" "${FLOWFORGE_VALUE_2}" 3')
    assert job.steps[0].env == {"FLOWFORGE_VALUE_1": "b", "FLOWFORGE_VALUE_2": "acme/web"}


@pytest.mark.parametrize(
    "run", ["(( << pipeline.git.title >> ))", "cat \\<<X\n\t$(( << pipeline.git.title >> ))\n\tX"]
)
def test_words_from_outside_are_refused_where_a_shell_reckons_with_them(run: str) -> None:
    text = f"jobs: {{a: {{steps: [run: {json.dumps('make' + chr(10) + run)}]}}}}"
    (problem,) = NATIVE.parse(text, PATH, NOTHING_GIVEN).problems
    assert (problem.code, problem.mark.line) == ("outside-value", 1)
    assert f"in line {3 if 'cat' in run else 2} of the script" in problem.message
    assert "`[ … ]`" in problem.hint


def test_numbers_from_outside_may_be_reckoned_with() -> None:
    text = "parameters: {n: {type: integer, default: 1}}\njobs: {a: {steps: [run: 'echo $(( << pipeline.parameters.n >> ))']}}"
    assert NATIVE.parse(text, PATH, NOTHING_GIVEN).problems == ()


def test_words_from_outside_keep_their_places_among_other_values() -> None:
    text = """
jobs:
  a:
    parameters: {x: {type: string}, y: {type: string}}
    environment: {A: "<< pipeline.git.branch >>/<< parameters.x >>/<< pipeline.git.revision >>/<< parameters.y >>"}
    steps: [run: "<< parameters.y >> << pipeline.git.branch >> << parameters.x >>"]
workflows: {w: {jobs: [a: {x: own, y: "<< pipeline.project.name >>!"}]}}
"""
    (job,) = read(text, push("b")).jobs
    assert job.env == {"A": f"b/own/{'c' * 40}/web!"}
    assert job.steps[0].do == Script(text="${FLOWFORGE_VALUE_1}! ${FLOWFORGE_VALUE_2} own")
    assert job.steps[0].env == {"FLOWFORGE_VALUE_1": "web", "FLOWFORGE_VALUE_2": "b"}


def test_concurrency_group_may_hold_words_from_outside() -> None:
    text = "concurrency: x-<< pipeline.git.branch >>\njobs: {a: {steps: [checkout]}}"
    assert read(text, push("b")).concurrency == Concurrency(group="x-b")


def test_values_of_a_pull_request_are_known() -> None:
    names = "number >>,<< pipeline.event.pull_request.target >>,<< pipeline.event.pull_request.fork"
    text = (
        f'jobs: {{a: {{steps: [checkout], environment: {{X: "<< pipeline.event.pull_request.{names} >>"}}}}}}'
    )
    assert read(text, REQUEST).jobs[0].env == {"X": "5,main,true"}
    circle = 'jobs: {a: {steps: [checkout], environment: {X: "<< pipeline.event.github.pull_request.base.ref >>"}}}'
    found = read(circle, REQUEST, CIRCLECI)
    assert found.jobs[0].env["X"] == "main"
    assert (found.occasion["CIRCLE_PULL_REQUEST"], found.occasion["CIRCLE_PR_NUMBER"]) == ("5", "5")
    assert "CIRCLE_TAG" not in found.occasion
    assert read(circle, NOTHING_GIVEN, CIRCLECI).occasion == {}
