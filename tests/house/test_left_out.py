"""A skip is named, and under FLOWFORGE_TEST_STRICT=1 it is a failure. Tried on a test run of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

CASES = """
import pytest

@pytest.mark.needs("cold-fusion")
def test_of_a_part_that_is_missing():
    pass

def test_that_runs():
    pass

@pytest.mark.xfail(strict=True, reason="known")
def test_that_is_expected_to_fail():
    assert False
"""
COLLECTION = "import pytest\npytest.importorskip('no_such_module')\n"
PARTS = "from tests import needs\nneeds.PROBES['cold-fusion'] = lambda: 'no such reactor'\n"


def run(folder: Path, strict: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(PARTS + 'pytest_plugins = ["tests.needs", "tests.left_out"]\n')
    (folder / "test_cases.py").write_text(CASES)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = needs: parts\n")
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "FLOWFORGE_TEST_STRICT": strict}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--continue-on-collection-errors",
        *arguments,
        str(folder),
    ]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "workers"])
def test_a_skip_is_listed_with_its_reason(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "test_collection.py").write_text(COLLECTION)
    done = run(tmp_path, "0", *workers)
    assert done.returncode == 0, done.stdout
    assert "left out on this machine" in done.stdout
    assert "1 test: needs cold-fusion: no such reactor" in done.stdout
    assert "no_such_module" in done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "workers"])
def test_a_skip_fails_a_strict_run(tmp_path: Path, workers: tuple[str, ...]) -> None:
    done = run(tmp_path, "1", *workers)
    assert done.returncode == 1
    assert "needs cold-fusion: no such reactor" in done.stdout
    assert "1 passed, 1 xfailed" in done.stdout
    assert "1 error" in done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "workers"])
def test_a_skip_at_collection_fails_a_strict_run(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "test_collection.py").write_text(COLLECTION)
    done = run(tmp_path, "1", *workers, "--deselect", "test_cases.py::test_of_a_part_that_is_missing")
    assert done.returncode != 0
    assert "allows no skip" in done.stdout


def test_a_run_without_skips_passes_a_strict_run(tmp_path: Path) -> None:
    done = run(tmp_path, "1", "--deselect", "test_cases.py::test_of_a_part_that_is_missing")
    assert done.returncode == 0, done.stdout
    assert "left out" not in done.stdout
