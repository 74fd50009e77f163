"""Every public promise names the tests that hold it, and they exist."""

import re

import pytest

from tests.house.source import ROOT

PAGE = ROOT / "docs" / "reference" / "promises.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
ROW = re.compile(r"^\| \d+ \|", re.MULTILINE)


def _rows() -> list[str]:
    return [line for line in PAGE.read_text(encoding="utf-8").splitlines() if ROW.match(line)]


def test_the_promises_are_numbered_and_each_has_its_tests() -> None:
    numbers = [int(row.split("|")[1]) for row in _rows()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [row for row in _rows() if not NAMED.search(row)] == []


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row.split("|")[1].strip())
def test_every_test_behind_a_promise_exists(row: str) -> None:
    missing = [
        f"{path}::{name}"
        for path, name in NAMED.findall(row)
        if not (ROOT / path).is_file()
        or (name and not re.search(rf"^ *(?:async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE))
    ]
    assert missing == []
