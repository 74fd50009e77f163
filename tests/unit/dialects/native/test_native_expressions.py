"""Conditions in one line."""

import pytest

from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.native import NATIVE
from flowforge.model.inputs import NOTHING_GIVEN
from flowforge.model.step_spec import Script

from .test_native_occasions import by_hand, push, read, skips, tag

FILE = """
parameters:
  deep: {type: boolean, default: false}
  word: {type: string, default: a b}
  count: {type: integer, default: 3}
  share: {type: number, default: 0.5}
jobs:
  a: {steps: [checkout]}
workflows:
  one:
    when: %s
    jobs: [a]
"""


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('pipeline.git.branch == "main"', True),
        ('pipeline.git.branch != "main"', False),
        ('pipeline.git.branch == "main" and not pipeline.parameters.deep', True),
        ("pipeline.parameters.deep or pipeline.parameters.count > 2", True),
        ('pipeline.git.branch == "x" or pipeline.git.branch starts-with "ma"', True),
        ('"hello world" starts-with "hello" and pipeline.number == 3', True),
        ('pipeline.parameters.deep and pipeline.git.branch == "main" or true', True),
        ("pipeline.parameters.deep and (pipeline.number == 3 or true)", False),
        ("not true and pipeline.parameters.deep", False),
        ("not (pipeline.parameters.deep and false)", True),
        ("not not pipeline.parameters.deep", False),
        ('not pipeline.git.branch == "main"', False),
        ("pipeline.parameters.share < 1 and pipeline.parameters.share >= 0.5", True),
        ("pipeline.number <= -3", False),
        ('pipeline.number == "3"', False),
        ('pipeline.number != "3"', True),
        ("pipeline.parameters.deep == 0", False),
        ("pipeline.parameters.count == 3.0", True),
        ("pipeline.git.tag", False),
        (r'pipeline.parameters.word == "a\ b" and "\"" != pipeline.git.tag', True),
        ('<< pipeline.git.branch == "main" and pipeline.number > 1 >>', True),
        ('<< pipeline.git.branch >> == "main"', True),
        ('"<< pipeline.git.branch >>/<< pipeline.number >>" == "main/3"', True),
        ('"<< pipeline.git.branch >>" != pipeline.git.branch', False),
    ],
)
def test_expression_holds_or_not(condition: str, holds: bool) -> None:
    skip = skips(FILE % f"{_quoted(condition)}", push())["a"]
    assert (not skip) is holds


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("pipeline.git.branch ==", "a value is missing at its end"),
        ("pipeline.git.branch == == 1", "a value is missing at `==`"),
        ("not pipeline.number and", "a value is missing at its end"),
        ("(pipeline.number", "a `)` is missing"),
        ("pipeline.number)", "`)` stands behind its end"),
        ("pipeline.number == 3 == true", "`==` stands behind its end"),
        ("pipeline.git.branch == 'main'", "`'` has no meaning here; texts stand in double quotes"),
        ('pipeline.git.branch == "main', '`"` has no meaning here; texts stand in double quotes'),
        ("pipeline.git.branch == main & 1", "`&` has no meaning here"),
        ("pipeline.git.branch == main", "there is no value `main`"),
        (
            "pipeline.git.brunch == 1",
            "there is no value `pipeline.git.brunch`, did you mean `pipeline.git.branch`?",
        ),
        ("matches == 1", "`matches` is no operator; write `matches: {pattern: …, value: …}` below `when`"),
        ('pipeline.number starts-with "3"', "`starts-with` takes texts"),
        ("pipeline.git.branch starts-with 3", "`starts-with` takes texts"),
        ("pipeline.git.branch > 3", "`>` takes numbers"),
        ("pipeline.number > true", "`>` takes numbers"),
        (f"pipeline.number == {'(' * 51}1", "its parentheses are more than 50 deep"),
        (f"pipeline.number == {'1' * 4000}", "it has more than 4000 characters"),
    ],
)
def test_what_is_no_expression_is_named(condition: str, why: str) -> None:
    for given in (NOTHING_GIVEN, push()):
        (problem,) = NATIVE.parse(FILE % _quoted(condition), "ci.yml", given).problems
        assert (problem.code, problem.mark.line) == ("bad-expression", 11)
        assert problem.message.endswith(f"cannot be a condition: {why}")


@pytest.mark.parametrize(
    "condition",
    [
        'pipeline.git.branch == "x"',
        "not pipeline.git.tag",
        'pipeline.git.branch == "x" and true',
        'pipeline.git.branch == "x" or false',
        '"<< pipeline.git.branch >>" == "x"',
        '<< pipeline.git.branch >> == "x"',
    ],
)
def test_expression_about_an_occasion_is_open_without_one(condition: str) -> None:
    text = FILE % _quoted(condition)
    assert not skips(text, NOTHING_GIVEN)["a"]
    assert not skips(text.replace("when:", "unless:"), NOTHING_GIVEN)["a"]


def test_word_from_outside_is_never_read_as_an_expression() -> None:
    evil = by_hand(word='" == "" or "a" == "a')
    assert skips(FILE % _quoted('"<< pipeline.parameters.word >>" == "x"'), evil)["a"]
    assert skips(FILE % _quoted('<< pipeline.parameters.word >> == "x"'), evil)["a"]
    assert skips(FILE % _quoted('pipeline.parameters.word == "x"'), evil)["a"]


FILTERED = """
jobs: {a: {steps: [checkout]}, b: {steps: [checkout]}}
workflows:
  one:
    jobs:
      - a: {filters: 'pipeline.git.branch == "main" or pipeline.git.tag starts-with "v"'}
      - b
"""


def test_filter_that_is_an_expression_decides_alone() -> None:
    assert not skips(FILTERED, push())["a"]
    assert skips(FILTERED, push("topic"))["a"] == "its filter does not hold"
    left = skips(FILTERED, tag("v1"), CIRCLECI)
    assert not left["a"]
    assert left["b"] == "no filter of it names the tag `v1`"
    assert not skips(FILTERED, NOTHING_GIVEN)["a"]


def test_condition_of_steps_may_be_an_expression() -> None:
    text = """
jobs:
  a:
    steps:
      - when: {condition: << pipeline.git.branch == "main" >>, steps: [run: "yes"]}
      - unless: {condition: 'pipeline.git.branch == "main"', steps: [run: "no"]}
"""
    (job,) = read(text, push()).jobs
    assert [step.do.text for step in job.steps if isinstance(step.do, Script)] == ["yes"]


@pytest.mark.parametrize(
    "job",
    [
        '{steps: [run: echo << pipeline.git.branch == "main" >>]}',
        "{steps: [checkout], parallelism: << pipeline.number > 1 >>, name: << not pipeline.number >>}",
    ],
)
def test_expression_in_another_place_is_named(job: str) -> None:
    found = NATIVE.parse(f"jobs:\n  a: {job}\n", "ci.yml", NOTHING_GIVEN).problems
    assert "bad-expression" in {problem.code for problem in found}


def _quoted(condition: str) -> str:
    return "'" + condition.replace("'", "''") + "'"
