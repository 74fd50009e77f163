"""The command line stays light: it reaches the wired system only when a command needs it."""

import ast
import subprocess
import sys

import pytest

from tests.house.source import Module, modules

HEAVY = (
    "alembic",
    "fastapi",
    "flowforge.server",
    "flowforge.wiring",
    "httpx2",
    "pydantic",
    "sqlalchemy",
    "starlette",
    "uvicorn",
)


@pytest.mark.parametrize("module", modules("cli"), ids=lambda m: m.name)
def test_wiring_is_imported_inside_functions_only(module: Module) -> None:
    assert not _eager_imports(module.tree, "flowforge.wiring")


def test_importing_the_command_line_loads_no_server() -> None:
    names = ", ".join(module.name for module in modules("cli"))
    assert not _loaded_by(names).intersection(HEAVY)


@pytest.mark.parametrize("name", ["flowforge.settings", "flowforge.logging"])
def test_settings_and_logging_are_cheap_to_import(name: str) -> None:
    assert not _loaded_by(name).intersection({*HEAVY, "structlog", "rich", "asyncio"})


def _loaded_by(names: str) -> set[str]:
    script = f"import sys, {names}; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_an_eager_import_is_found() -> None:
    eager = ast.parse("from flowforge.wiring import up\n")
    lazy = ast.parse("def up():\n    from flowforge.wiring import up\n    up()\n")
    assert _eager_imports(eager, "flowforge.wiring") == [1]
    assert _eager_imports(lazy, "flowforge.wiring") == []


def _eager_imports(tree: ast.Module, unwanted: str) -> list[int]:
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    lines = []
    for node in ast.walk(tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        if any(f"{name}.".startswith(f"{unwanted}.") for name in names):
            lines.append(node.lineno)
    return lines
