"""Who may import whom, and what rules and nouns may not touch."""

import ast
import subprocess
import sys

import pytest

from tests.house.source import PACKAGE, ROOT, Module, modules, pyproject

RULES = ("dialects", "engine", "detect", "generate", "shipping", "metrics", "forges")
CLOCKS_AND_DICE = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
DOORS_TO_THE_WORLD = {"open", "print", "input", "exec", "eval", "breakpoint"}


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_package_is_forbidden_the_world() -> None:
    contracts = {c["id"]: c for c in pyproject()["tool"]["importlinter"]["contracts"]}
    present = {f"flowforge.{name}" for name in RULES if (PACKAGE / name).exists()}
    assert set(contracts["rules"]["source_modules"]) == present


@pytest.mark.parametrize("module", modules("model", "errors"), ids=lambda m: m.name)
def test_nouns_and_errors_use_the_standard_library_only(module: Module) -> None:
    allowed = sys.stdlib_module_names | {"flowforge"}
    strangers = {name for name, _ in module.imports() if name.split(".")[0] not in allowed}
    assert not strangers


@pytest.mark.parametrize("module", modules("model", *RULES), ids=lambda m: m.name)
def test_nouns_and_rules_take_time_and_files_as_arguments(module: Module) -> None:
    assert not _impurities(module.tree)


@pytest.mark.parametrize("module", modules("model", *RULES), ids=lambda m: m.name)
def test_nouns_and_rules_know_paths_only_as_text(module: Module) -> None:
    from_pathlib = {name for origin, name in module.imports() if origin.split(".")[0] == "pathlib"}
    assert from_pathlib <= {"PurePosixPath", "PurePath"}


def test_a_rule_that_reads_the_clock_is_found() -> None:
    assert _impurities(ast.parse("def late(self):\n    return datetime.now(UTC)")) == ["datetime.now, line 2"]
    assert _impurities(ast.parse("text = open('x').read()")) == ["open, line 1"]
    assert _impurities(ast.parse("def fine(now):\n    return now.replace(hour=1)")) == []


def _impurities(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in DOORS_TO_THE_WORLD:
            found.append(f"{called.id}, line {node.lineno}")
        elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            pair = (called.value.id, called.attr)
            if pair in CLOCKS_AND_DICE:
                found.append(f"{'.'.join(pair)}, line {node.lineno}")
    return found
