from pathlib import Path

import pytest

from flowforge.dialects.circleci import CIRCLECI
from flowforge.model.inputs import NOTHING_GIVEN

from .golden import HERE, pipeline_of, problems_of

OK = sorted((HERE / "ok").glob("*.yml"))
ERR = sorted((HERE / "err").glob("*.yml"))


@pytest.mark.parametrize("source", OK, ids=lambda path: path.stem)
def test_good_file_becomes_its_pipeline(source: Path) -> None:
    assert pipeline_of(source) == source.with_suffix(".json").read_text()


@pytest.mark.parametrize("source", ERR, ids=lambda path: path.stem)
def test_bad_file_shows_all_its_problems_at_once(source: Path) -> None:
    assert problems_of(source) == source.with_suffix(".out").read_text()


@pytest.mark.parametrize("source", [*OK, *ERR], ids=lambda path: path.stem)
def test_every_problem_says_what_to_do(source: Path) -> None:
    problems = CIRCLECI.parse(source.read_text(), ".circleci/config.yml", NOTHING_GIVEN).problems
    assert all(problem.hint for problem in problems)


def test_each_golden_side_has_its_other() -> None:
    assert {path.stem for path in (HERE / "ok").iterdir()} == {path.stem for path in OK}
    assert {path.stem for path in (HERE / "err").iterdir()} == {path.stem for path in ERR}
