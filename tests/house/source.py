"""The project's files as the house tests look at them."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "flowforge"

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """`name` is dotted, `path` relative to the repository."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    def functions(self) -> Iterator[FunctionNode]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def classes(self) -> Iterator[ast.ClassDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef):
                yield node

    def imports(self) -> Iterator[tuple[str, str]]:
        """Pairs of module and imported name; the name is empty for `import module`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield from ((node.module, alias.name) for alias in node.names)


@cache
def modules(*parts: str) -> tuple[Module, ...]:
    """Every module below src/flowforge, or below some of its sub-packages and modules."""
    found = (_module(path) for path in sorted(PACKAGE.rglob("*.py")) if path.name != "_version.py")
    return tuple(module for module in found if not parts or _below(module.name, parts))


def _below(name: str, parts: Sequence[str]) -> bool:
    return any(f"{name}.".startswith(f"flowforge.{part}.") for part in parts)


def _module(path: Path) -> Module:
    tail = path.relative_to(PACKAGE.parent).with_suffix("").parts
    name = ".".join(tail[:-1] if tail[-1] == "__init__" else tail)
    text = path.read_text(encoding="utf-8")
    return Module(name=name, path=path.relative_to(ROOT), text=text, tree=ast.parse(text))


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def tracked_files() -> tuple[Path, ...]:
    """What git would carry: tracked files and those that are new and not ignored. Without git, as in a source archive
    or a job's workspace, everything but what tools leave behind."""
    if not (ROOT / ".git").exists():
        return tuple(path for path in _files_below(ROOT) if not path.is_symlink())
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=30,
    )
    paths = (ROOT / name for name in listing.stdout.decode().split("\0") if name)
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())


LEFT_BEHIND = {".venv", "__pycache__", "dist", "build", "data", "workspaces", "htmlcov"}


def _files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            cache_of_a_tool = path.name.startswith(".") and path.name.endswith("cache")
            if path.name not in LEFT_BEHIND and not cache_of_a_tool and path.name != ".hypothesis":
                yield from _files_below(path)
        elif path.is_file() and not path.name.startswith(".coverage"):
            yield path
