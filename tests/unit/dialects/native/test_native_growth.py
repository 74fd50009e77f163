"""Files that are small as they are written and large as they are meant."""

import pytest

from flowforge.dialects.circleci import CIRCLECI
from flowforge.dialects.native import NATIVE
from flowforge.dialects.native.triggers import MOST_BRANCHES
from flowforge.model.inputs import NOTHING_GIVEN

PATH = ".flowforge/ci.yml"


def codes(text: str) -> list[str]:
    return [problem.code for problem in NATIVE.parse(text, PATH, NOTHING_GIVEN).problems]


def chain(count: int, first: str, inner: str) -> str:
    """Commands that each call the one before, as `inner` says."""
    lines = ["commands:", f"  c0: {first}"]
    lines += [f"  c{n}: {inner.format(n=n - 1)}" for n in range(1, count)]
    return "\n".join((*lines, f"jobs: {{a: {{steps: [c{count - 1}]}}}}", ""))


def test_commands_that_double_the_steps_are_refused() -> None:
    assert set(codes(chain(20, "{steps: [checkout]}", "{{steps: [c{n}, c{n}]}}"))) == {"too-many"}


def test_commands_that_double_nothing_are_read_once_each() -> None:
    assert codes(chain(25, "{steps: [steps: []]}", "{{steps: [c{n}, c{n}, c{n}]}}")) == []


def test_commands_that_double_a_text_are_refused() -> None:
    first = "{parameters: {x: {type: string, default: y}}, steps: [run: << parameters.x >>]}"
    inner = (
        "{{parameters: {{x: {{type: string, default: yyyyyyyyyyyyyyyyyyyyy}}}}, "
        'steps: [c{n}: {{x: "<< parameters.x >><< parameters.x >>"}}]}}'
    )
    assert codes(chain(28, first, inner)) == ["too-large-expanded"]


def test_commands_may_not_be_called_too_deep() -> None:
    inner = "{{steps: [c{n}]}}"
    assert codes(chain(30, "{steps: [checkout]}", inner)) == []
    assert "too-deep" in codes(chain(40, "{steps: [checkout]}", inner))


def test_list_of_steps_handed_down_and_doubled_is_refused() -> None:
    first = "{parameters: {s: {type: steps, default: []}}, steps: [steps: << parameters.s >>]}"
    inner = (
        "{{parameters: {{s: {{type: steps, default: []}}}}, "
        "steps: [c{n}: {{s: [steps: << parameters.s >>, steps: << parameters.s >>, steps: << parameters.s >>]}}]}}"
    )
    assert "too-many" in codes(chain(25, first, inner))


def test_orbs_have_a_number() -> None:
    orbs = ", ".join(f"o{n}: a/b@1" for n in range(101))
    text = f"orbs: {{{orbs}}}\njobs: {{a: {{steps: [checkout]}}}}"
    assert [each.code for each in CIRCLECI.parse(text, PATH, NOTHING_GIVEN).errors] == ["too-many"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("commands", 1001),
        ("executors", 1001),
    ],
)
def test_definitions_have_a_number(text: str, count: int) -> None:
    entries = ", ".join(f"n{n}: {{steps: [checkout]}}" for n in range(count))
    assert "too-many" in codes(f"{text}: {{{entries}}}\njobs: {{a: {{steps: [checkout]}}}}")


def test_a_schedule_has_so_many_branches_and_no_more() -> None:
    job = "jobs: {a: {steps: [checkout]}}\n"

    def scheduled(count: int) -> str:
        names = ", ".join(f"b{n}" for n in range(count))
        return f'triggers: {{schedule: [{{cron: "* * * * *", branches: [{names}, b0]}}]}}\n{job}'

    assert codes(scheduled(MOST_BRANCHES)) == []
    assert codes(scheduled(MOST_BRANCHES + 1)) == ["too-many"]
    assert codes(scheduled(5000)) == ["too-many"]


def test_parameters_retries_services_schedules_and_points_have_a_number() -> None:
    job = "jobs: {a: {steps: [checkout]}}"
    declared = ", ".join(f"p{n}: {{type: string}}" for n in range(201))
    assert codes(f"parameters: {{{declared}}}\n{job}") == ["too-many"]
    rules = ", ".join(["{limit: 1}"] * 21)
    assert codes(f"jobs: {{a: {{retries: [{rules}], steps: [checkout]}}}}") == ["too-many"]
    images = ", ".join(["image: x"] * 52)
    assert codes(f"jobs: {{a: {{docker: [{images}], steps: [checkout]}}}}") == ["too-many"]
    crons = ", ".join(['cron: "@daily"'] * 101)
    assert codes(f"triggers: {{schedule: [{crons}]}}\n{job}") == ["too-many"]
    points = ", ".join(["{x: 1}"] * 1001)
    assert codes(f"jobs: {{a: {{matrix: {{x: [1], include: [{points}]}}, steps: [checkout]}}}}") == [
        "too-many"
    ]


def test_cycle_among_matrices_is_found() -> None:
    job = "{matrix: {v: [1, 2]}, steps: [checkout]}"
    text = f"jobs: {{a: {job}, b: {job}}}\nworkflows: {{w: {{jobs: [a: {{requires: [b]}}, b: {{requires: [a-1]}}]}}}}"
    assert codes(text) == ["cycle"]


def test_key_of_a_matrix_that_is_another_jobs_name_is_refused() -> None:
    text = "jobs: {a: {matrix: {v: [1]}, steps: [checkout]}, a-1: {steps: [checkout]}}"
    assert codes(text) == ["duplicate-job"]


def test_part_that_is_another_jobs_name_is_refused() -> None:
    text = "jobs: {a: {parallelism: 2, steps: [checkout]}, a-1-of-2: {steps: [checkout]}}"
    assert codes(text) == ["duplicate-job"]
