from dataclasses import replace
from typing import Any

import pytest

from flowforge.engine.branch_glob import matches
from flowforge.engine.secret_choice import narrowest
from flowforge.model.secret import Secret, SecretScope
from flowforge.testing.clock import EPOCH

HERE = SecretScope(project_id=1, environment="live", branch="release/1.2", groups=("a", "b"))


def secret(id: int = 1, **changes: Any) -> Secret:
    base = Secret(id=id, organisation_id=1, project_id=None, name="KEY", created_at=EPOCH, updated_at=EPOCH)
    return replace(base, **changes)


FROM_WIDE_TO_NARROW: list[dict[str, Any]] = [
    {},
    {"branch": "**"},
    {"branch": "release/*"},
    {"branch": "release/1.*"},
    {"branch": "release/1.2"},
    {"environment": "live"},
    {"environment": "live", "branch": "release/1.2"},
    {"project_id": 1},
    {"project_id": 1, "branch": "release/*"},
    {"project_id": 1, "environment": "live"},
    {"group": "a"},
    {"group": "a", "environment": "live"},
    {"group": "b"},
]


@pytest.mark.parametrize("width", range(1, len(FROM_WIDE_TO_NARROW) + 1))
def test_the_narrowest_that_counts_wins(width: int) -> None:
    made = [secret(100 - number, **place) for number, place in enumerate(FROM_WIDE_TO_NARROW[:width])]
    for secrets in (made, made[::-1]):
        assert narrowest(secrets, HERE) == {"KEY": made[-1]}


ELSEWHERE: list[dict[str, Any]] = [
    {"organisation_id": 2},
    {"project_id": 2},
    {"environment": "test"},
    {"branch": "main"},
    {"branch": "release"},
    {"group": "c"},
]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_what_is_meant_for_others_does_not_count(place: dict[str, Any]) -> None:
    assert narrowest([secret(**place)], HERE) == {}


def test_nothing_counts_for_code_that_is_not_trusted() -> None:
    every = [secret(number, **place) for number, place in enumerate(FROM_WIDE_TO_NARROW)]
    assert narrowest(every, replace(HERE, trusted=False)) == {}


def test_where_there_is_no_branch_no_glob_matches() -> None:
    assert narrowest([secret(branch="**")], replace(HERE, branch="")) == {}


@pytest.mark.parametrize(
    ("pattern", "name", "wanted"),
    [
        ("main", "main", True),
        ("main", "mainly", False),
        ("main", "mai", False),
        ("release/*", "release/1", True),
        ("release/*", "release/", True),
        ("release/*", "release/1/2", False),
        ("release/**", "release/1/2", True),
        ("**", "any/thing", True),
        ("*", "any/thing", False),
        ("**/x", "a/b/x", True),
        ("***x", "a/x", True),
        ("v?", "v1", True),
        ("v?", "v/", False),
        ("a.c", "abc", False),
        ("*a*b", "xxaxxb", True),
        ("*a*b", "xxbxxa", False),
        ("é*", "été", True),
    ],
)
def test_globs_of_branches(pattern: str, name: str, wanted: bool) -> None:
    assert matches(pattern, name) is wanted


def test_an_evil_glob_is_matched_as_fast_as_any() -> None:
    assert not matches("*a" * 127, "a" * 254 + "b")
