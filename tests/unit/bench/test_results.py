"""What the benchmark makes of its samples."""

import json

import pytest

from bench.report import as_json, markdown
from bench.results import Bound, Results, Row, Target, percentile


def rows(results: Results, floor: list[float], figure: list[float], target: Target | None = None) -> Row:
    results.row("floor").samples += floor
    row = results.row("figure", floor="floor", target=target)
    row.samples += figure
    return row


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    results = Results()
    row = rows(results, [1.0, 10.0, 100.0], [2.0, 20.0, 100.0])
    assert results.ratio(row) == 2.0


def test_rows_of_different_length_are_compared_by_their_medians() -> None:
    results = Results()
    row = rows(results, [1.0, 2.0, 3.0], [8.0])
    assert results.ratio(row) == 4.0


def test_a_row_without_a_floor_has_no_ratio() -> None:
    results = Results()
    assert results.ratio(results.row("alone")) is None


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        (Target(Bound.AT_MOST, 20), "met"),
        (Target(Bound.AT_MOST, 19.9), "missed"),
        (Target(Bound.AT_LEAST, 20), "met"),
        (Target(Bound.AT_LEAST, 20.1), "missed"),
        (Target(Bound.AT_MOST, 2, of_ratio=True), "met"),
        (Target(Bound.AT_MOST, 1.9, of_ratio=True), "missed"),
        (None, ""),
    ],
)
def test_a_target_bounds_the_median_or_the_ratio(target: Target | None, verdict: str) -> None:
    results = Results()
    row = rows(results, [5.0, 10.0, 10.0], [10.0, 20.0, 30.0], target)
    assert results.verdict(row) == verdict
    assert results.missed == (["figure"] if verdict == "missed" else [])


def test_a_ratio_that_cannot_be_had_misses_its_target() -> None:
    results = Results()
    row = results.row("figure", floor="not measured", target=Target(Bound.AT_MOST, 2, of_ratio=True))
    row.samples.append(1.0)
    assert results.verdict(row) == "missed"


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.51, 3), (0.99, 4), (1.0, 4), (0.0, 1)])
def test_a_percentile_is_one_of_the_samples(share: float, value: float) -> None:
    assert percentile([4, 2, 3, 1], share) == value


def test_the_table_has_a_line_for_every_row_that_was_measured() -> None:
    results = Results()
    rows(results, [1.0, 2.0, 3.0], [123.4, 150.6, 1234.5], Target(Bound.AT_MOST, 200))
    results.row("never measured")
    results.note("a remark")
    results.note("a remark")
    _, _, floor, figure, *rest = markdown(results).splitlines()
    assert floor == "| floor | ms | 3 | 1.00 | 2.00 | 3.00 |  |  |  |"
    assert figure == "| figure | ms | 3 | 123 | 151 | 1234 | 123.40 | ≤ 200 | met |"
    assert rest == ["", "- a remark"]


def test_the_samples_survive_as_json() -> None:
    results = Results()
    rows(results, [1.0], [2.0], Target(Bound.AT_LEAST, 1.5, of_ratio=True))
    kept = json.loads(as_json(results, "a machine"))
    assert kept["machine"] == "a machine"
    assert kept["rows"][1] == {
        "figure": "figure",
        "unit": "ms",
        "samples": [2.0],
        "floor": "floor",
        "ratio": 2.0,
        "target": "ratio ≥ 1.5",
        "verdict": "met",
    }
