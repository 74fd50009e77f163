"""The gates that `.ci/run` ends with."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.house.source import ROOT


@pytest.fixture(scope="module")
def gates() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_gates", ROOT / "scripts" / "coverage_gates.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def entry(lines: int, of: int, branches: int = 0, of_branches: int = 0) -> dict[str, Any]:
    return {
        "summary": {
            "covered_lines": lines,
            "num_statements": of,
            "covered_branches": branches,
            "num_branches": of_branches,
        },
        "missing_lines": list(range(lines, of)),
        "missing_branches": [[1, 2]] * (of_branches - branches),
    }


def result(gates: ModuleType, tmp_path: Path, files: dict[str, Any]) -> int:
    report = tmp_path / "coverage.json"
    report.write_text(json.dumps({"files": files}))
    return int(gates.main([str(report)]))


FULL = {
    "src/flowforge/engine/plan.py": entry(10, 10, 4, 4),
    "src/flowforge/dialects/native/parse.py": entry(10, 10),
    "src/flowforge/ports/work.py": entry(80, 100),
}


def test_everything_reached_passes(gates: ModuleType, tmp_path: Path) -> None:
    assert result(gates, tmp_path, {**FULL, "src/flowforge/errors.py": entry(20, 20)}) == 0


def test_one_missed_branch_of_the_engine_fails(
    gates: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {**FULL, "src/flowforge/engine/plan.py": entry(1000, 1000, 3, 4)}
    assert result(gates, tmp_path, files) == 1
    assert "src/flowforge/engine/plan.py: lines none, branches [[1, 2]]" in capsys.readouterr().err


def test_too_little_of_the_whole_fails(gates: ModuleType, tmp_path: Path) -> None:
    assert result(gates, tmp_path, {**FULL, "src/flowforge/ports/work.py": entry(60, 100)}) == 1


def test_a_part_that_was_not_measured_fails(gates: ModuleType, tmp_path: Path) -> None:
    files = {path: value for path, value in FULL.items() if "dialects" not in path}
    assert result(gates, tmp_path, files) == 1
