"""The project's own pipelines: at GitHub, and in our own grammar."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowforge.dialects.native import NATIVE
from flowforge.dialects.native.parse import parse
from flowforge.dialects.registry import dialect_named
from flowforge.model.inputs import NOTHING_GIVEN
from tests.house.source import ROOT, tracked_files


def _load(path: str) -> dict[Any, Any]:
    loaded = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def github() -> dict[Any, Any]:
    return _load(".github/workflows/ci.yml")


def test_actions_are_pinned_to_commits() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    assert [
        action for action, note in used if not re.search(r"@[0-9a-f]{40}$", action) or "# v" not in note
    ] == []


def test_every_job_has_a_timeout_and_only_the_release_may_write(github: dict[Any, Any]) -> None:
    assert github["permissions"] == {"contents": "read"}
    for name, job in github["jobs"].items():
        assert job["timeout-minutes"] <= 30
        assert ("write" in str(job.get("permissions", ""))) == (name == "release")


def test_pushes_pull_requests_and_hands_start_it(github: dict[Any, Any]) -> None:
    triggers = github[True]  # YAML 1.1 reads the key `on` as a boolean
    assert triggers["push"]["branches"] == ["main", "develop"]
    assert {"pull_request", "workflow_dispatch"} <= triggers.keys()


def test_no_expression_stands_in_a_script(github: dict[Any, Any]) -> None:
    """Text of others reaches scripts through the environment only."""
    scripts = [step.get("run", "") for job in github["jobs"].values() for step in job["steps"]]
    assert [script for script in scripts if "${{" in script] == []


def test_our_own_pipeline_has_no_problem() -> None:
    path = ".flowforge/ci.yml"
    assert parse((ROOT / path).read_text(encoding="utf-8"), path).problems == ()


@pytest.mark.parametrize("page", [p for p in tracked_files() if p.suffix == ".md"], ids=lambda p: p.name)
def test_pipelines_in_the_docs_have_no_problem(page: Path) -> None:
    examples = re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    dialect = dialect_named(page.stem) or NATIVE
    for example in examples:
        assert dialect.parse(example, page.name, NOTHING_GIVEN).problems == ()


def test_our_own_pipeline_has_the_same_stages() -> None:
    ours = _load(".flowforge/ci.yml")
    assert set(ours["jobs"]) == {"lint", "test", "package"}
    needs = {
        name: spec["requires"]
        for entry in ours["workflows"]["main"]["jobs"]
        if isinstance(entry, dict)
        for name, spec in entry.items()
    }
    assert needs == {"package": ["lint", "test"]}


def test_our_own_pipeline_calls_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    called = re.findall(r"make ([a-z]+)$", (ROOT / ".flowforge" / "ci.yml").read_text(), flags=re.MULTILINE)
    assert called
    assert [name for name in called if f"\n{name}:" not in makefile] == []
