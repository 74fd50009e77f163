"""The locked packages are those that pyproject asks for, each with its hashes."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

import pytest

from tests.house.source import ROOT, pyproject

GROUPS = {"run": ("build",), "dev": ("dev",), "zig": ("zig",)}


@cache
def _locked(name: str) -> dict[str, str]:
    """Package to its whole entry."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip()]
    return {_package(entry): entry for entry in entries}


def _package(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def _asked(group: str) -> Iterator[str]:
    for entry in pyproject()["dependency-groups"][group]:
        if isinstance(entry, dict):
            yield from _asked(entry["include-group"])
        else:
            yield _package(entry)


def _packages(requirements: Iterable[str]) -> set[str]:
    return {_package(requirement) for requirement in requirements}


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_what_pyproject_asks_for_is_locked(name: str) -> None:
    wanted = set() if name == "zig" else _packages(pyproject()["project"]["dependencies"])
    for group in GROUPS[name]:
        wanted |= set(_asked(group))
    assert wanted - set(_locked(name)) == set(), "run `make lock`"


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_every_locked_package_is_one_version_with_hashes(name: str) -> None:
    loose = [p for p, entry in _locked(name).items() if "==" not in entry or "--hash=sha256:" not in entry]
    assert loose == []


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_the_lock_names_no_address(name: str) -> None:
    entries = " ".join(_locked(name).values())
    assert "://" not in entries
    assert "--index" not in entries
    assert "--find-links" not in entries


def test_both_locks_agree_on_versions() -> None:
    run, dev = _locked("run"), _locked("dev")
    assert {p: run[p] for p in run if p in dev and run[p] != dev[p]} == {}


def test_the_build_needs_no_package_outside_the_lock() -> None:
    """`make setup` builds without isolation, so that nothing unlocked is ever installed."""
    assert _packages(pyproject()["build-system"]["requires"]) <= set(_asked("build"))
