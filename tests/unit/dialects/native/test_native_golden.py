from pathlib import Path

import pytest

from flowforge.dialects.native import NATIVE
from flowforge.model.problem import Severity

from .golden import HERE, PATH, pipeline_of, problems_of

OK = sorted((HERE / "ok").glob("*.yml"))
ERR = sorted((HERE / "err").glob("*.yml"))


@pytest.mark.parametrize("source", OK, ids=lambda path: path.stem)
def test_good_file_becomes_its_pipeline(source: Path) -> None:
    assert pipeline_of(source) == source.with_suffix(".json").read_text()


@pytest.mark.parametrize("source", ERR, ids=lambda path: path.stem)
def test_bad_file_shows_all_its_problems_at_once(source: Path) -> None:
    assert problems_of(source) == source.with_suffix(".out").read_text()


@pytest.mark.parametrize("source", ERR, ids=lambda path: path.stem)
def test_bad_file_has_no_pipeline_and_every_problem_says_what_to_write(source: Path) -> None:
    parsed = NATIVE.parse(source.read_bytes().decode(errors="surrogateescape"), PATH)
    assert parsed.pipeline is None
    assert any(problem.severity is Severity.ERROR for problem in parsed.problems)
    assert all(problem.hint for problem in parsed.problems)


def test_each_golden_side_has_its_other() -> None:
    assert {path.stem for path in (HERE / "ok").iterdir()} == {path.stem for path in OK}
    assert {path.stem for path in (HERE / "err").iterdir()} == {path.stem for path in ERR}
