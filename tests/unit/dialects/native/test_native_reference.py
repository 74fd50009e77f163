"""The reference page says what the parser does."""

import re
from pathlib import Path

import pytest

from flowforge.dialects.native import NATIVE, vocabulary
from flowforge.dialects.native.values import trigger_of
from flowforge.engine.plan import Occasion, occasion_env
from flowforge.model.inputs import NOTHING_GIVEN

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs/reference/native.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CALLS = (
    r"(?:error|warning|unreadable|_refuse)\(\s*\"([a-z0-9-]+)\"",
    r"code=\"([a-z-]+)\"",
    r"unusable_word\([^\"]*\"([a-z-]+)\"",
)
LATER = {
    "top level": vocabulary.TOP,
    "job": vocabulary.JOB,
    "`docker`": vocabulary.CONTAINER,
    "step": vocabulary.STEP,
    "`checkout`": vocabulary.CHECKOUT,
    "`run`": vocabulary.RUN,
    "workflow": vocabulary.WORKFLOW,
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_parsed_without_a_problem(example: str) -> None:
    parsed = NATIVE.parse(example, ".flowforge/ci.yml")
    assert parsed.problems == ()
    assert parsed.pipeline is not None


def test_page_has_an_example_of_each_part() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("place", LATER)
def test_table_names_exactly_the_words_that_come_later(place: str) -> None:
    section = PAGE.split("## Not supported yet")[1].split("\n## ")[0]
    row = next(line for line in section.splitlines() if line.startswith(f"| {place} |"))
    cell = row.split("|")[2].split(";")
    words = set(re.findall(r"`([^`]+)`", " ".join(part for part in cell if "requires" not in part)))
    assert words == set(LATER[place].later)


def test_page_names_exactly_the_variables_that_are_set() -> None:
    occasion = Occasion(run_id=1, number=1, trigger=trigger_of(NOTHING_GIVEN), source=None)
    table = PAGE.split("Every step finds these variables")[1].split("\n## ")[0]
    assert set(re.findall(r"`((?:CI|FLOWFORGE)[A-Z_]*)`", table)) == {
        *occasion_env(occasion),
        "FLOWFORGE_JOB",
    }


def test_table_names_exactly_the_codes_of_the_sources() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "src/flowforge/dialects").rglob("*.py"))
    found = {code for call in CALLS for code in re.findall(call, sources)}
    table = PAGE.split("## What problems look like")[1]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    assert found == {code for row in rows for code in re.findall(r"`([^`]+)`", row)}
