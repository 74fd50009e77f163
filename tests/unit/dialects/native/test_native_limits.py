import tracemalloc

import pytest

from flowforge.dialects.native import NATIVE
from flowforge.dialects.native.environment import LARGEST_VALUE, MOST_VARIABLES
from flowforge.dialects.native.limits import MOST_DEFINED
from flowforge.dialects.native.step import MOST_STEPS
from flowforge.model.inputs import NOTHING_GIVEN

PATH = ".flowforge/ci.yml"
STEPS = "{steps: [checkout]}"


def codes(text: str) -> list[str]:
    return [problem.code for problem in NATIVE.parse(text, PATH, NOTHING_GIVEN).problems]


def jobs(count: int) -> str:
    return "jobs:\n" + "".join(f"  j{n}: {STEPS}\n" for n in range(count))


def steps(count: int) -> str:
    return "{steps: [" + ", ".join(["checkout"] * count) + "]}"


def test_as_many_jobs_as_allowed_are_read_and_one_more_is_not() -> None:
    assert codes(jobs(MOST_DEFINED)) == []
    assert codes(jobs(MOST_DEFINED + 1))[0] == "too-many"


def test_as_many_steps_as_allowed_are_read_and_one_more_is_not() -> None:
    assert codes(f"jobs: {{a: {steps(MOST_STEPS)}}}") == []
    assert codes(f"jobs: {{a: {steps(MOST_STEPS + 1)}}}") == ["too-many"]


def matrix(*sizes: int) -> str:
    axes = ", ".join(f"a{n}: [{', '.join(map(str, range(size)))}]" for n, size in enumerate(sizes))
    return f"{{{axes}}}"


def test_jobs_of_all_matrices_and_parts_are_counted_together() -> None:
    def text(parts: int) -> str:
        job = f"{{matrix: {matrix(10, 100)}, parallelism: {parts}, steps: [checkout]}}"
        return f"jobs: {{a: {job}}}"

    assert codes(text(10)) == []
    assert codes(text(11)) == ["too-many"]


def test_steps_of_all_uses_of_a_job_are_counted_together() -> None:
    places = ", ".join(f"a: {{name: n{n}}}" for n in range(51))
    assert codes(f"jobs: {{a: {steps(1000)}}}\nworkflows: {{w: {{jobs: [{places}]}}}}") == ["too-many"]


def test_matrix_of_a_hundred_thousand_jobs_is_refused_before_there_is_one() -> None:
    tracemalloc.start()
    problems = NATIVE.parse(
        f"jobs:\n  a:\n    steps: [checkout]\n    matrix: {matrix(10, 10, 10, 10, 10)}", PATH, NOTHING_GIVEN
    ).problems
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(each.code, each.mark.line) for each in problems] == [("too-many", 4)]
    assert "100000 combinations" in problems[0].message
    assert peak < 5_000_000


def test_jobs_of_two_matrices_that_all_wait_for_all_are_refused() -> None:
    job = f"{{matrix: {matrix(10, 50)}, steps: [checkout]}}"
    text = f"jobs: {{a: {job}, b: {job}}}\nworkflows: {{w: {{jobs: [a, b: {{requires: [a]}}]}}}}"
    assert codes(text) == ["too-many"]


def test_environment_that_every_step_would_carry_is_counted_for_each() -> None:
    environment = "".join(f"  V{n}: {'x' * 50_000}\n" for n in range(10))
    text = f"environment:\n{environment}jobs:\n  a: {steps(100)}\n"
    assert codes(text) == ["too-large-expanded"]
    assert codes(text.replace(steps(100), STEPS)) == []


def test_variables_and_their_values_have_a_limit() -> None:
    def environment(count: int, size: int) -> str:
        return (
            "environment:\n"
            + "".join(f"  V{n}: {'x' * size}\n" for n in range(count))
            + f"jobs: {{a: {STEPS}}}"
        )

    assert codes(environment(MOST_VARIABLES, 1)) == []
    assert codes(environment(MOST_VARIABLES + 1, 1)) == ["too-many"]
    assert codes(environment(1, LARGEST_VALUE)) == []
    assert codes(environment(1, LARGEST_VALUE + 1)) == ["too-long"]


@pytest.mark.parametrize("length", [100, 101])
def test_name_of_a_job_has_a_limit(length: int) -> None:
    assert codes(f"jobs: {{{'j' * length}: {STEPS}}}") == ([] if length == 100 else ["bad-name"])


def test_chain_of_as_many_jobs_as_allowed_is_no_cycle_and_closing_it_is_one() -> None:
    places = "".join(f"      - j{n}: {{requires: [j{n - 1}]}}\n" for n in range(1, MOST_DEFINED))
    text = f"{jobs(MOST_DEFINED)}workflows:\n  w:\n    jobs:\n{places}"
    assert codes(f"{text}      - j0\n") == []
    assert codes(f"{text}      - j0: {{requires: [j{MOST_DEFINED - 1}]}}\n") == ["cycle"]


def test_every_job_waiting_for_every_other_is_reported_by_few_cycles() -> None:
    names = [f"j{n}" for n in range(100)]
    all_of_them = ", ".join(names)
    places = "".join(f"      - {name}: {{requires: [{all_of_them}]}}\n" for name in names)
    found = codes(f"{jobs(100)}workflows:\n  w:\n    jobs:\n{places}")
    assert found.count("needs-itself") == 100
    assert 1 <= found.count("cycle") <= 50


@pytest.mark.parametrize(
    "image",
    [
        "busybox",
        "python:3.12-slim",
        "localhost/app",
        "localhost:5000/app",
        "forge.example.org/owner/app",
        "Registry.Example.org:443/a/b/c__d/e--f.g:T_1",
        "[::1]:5000/app",
        "app@sha256:" + "0" * 64,
        "app:1@sha256:" + "F" * 64,
    ],
)
def test_image_reference_of_an_engine_is_accepted(image: str) -> None:
    assert codes(f"jobs: {{a: {{image: '{image}', steps: [checkout]}}}}") == []


@pytest.mark.parametrize(
    "image",
    [
        "-v",
        "--privileged",
        "a b",
        "a;b",
        "a:$(id)",
        "a:",
        "a@sha256:00",
        "a//b",
        "/a",
        "a/",
        "a..b",
        "a___b",
        "../a",
        "http://a/b",
        "a:1:2",
        "ä",
        "A",
        "a\\tb",
        "a" * 513,
        "a-" * 256,
        "a." * 256,
    ],
)
def test_hostile_image_is_refused(image: str) -> None:
    assert codes(f'jobs: {{a: {{image: "{image}", steps: [checkout]}}}}')[0] in ("bad-image", "syntax")
