"""What the repository carries, and what it must not."""

import re
from pathlib import Path

import pytest

from tests.house.source import ROOT, Module, modules, pyproject, tracked_files

LIMIT = 1024 * 1024

# Spelled in pieces, so that this file does not contain what it looks for.
FORBIDDEN = {
    "a package registry's host": "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("files", "python" + "hosted", "org"),
            ("registry", "npm" + "js", "org"),
            ("registry", "yarn" + "pkg", "com"),
            ("deb", "debian", "org"),
            ("security", "debian", "org"),
            ("proxy", "go" + "lang", "org"),
            ("crates", "io"),
            ("ruby" + "gems", "org"),
        )
    ),
    "a path of some developer's machine": "|".join(
        [
            r"(?<![\w.-])/" + "wo" + r"rk/(main|shared)\b",
            "/tmp/" + r"wt\b",
            "/fa" + r"rm\b",
            r"\.\./" + r"shared\b",
        ]
    ),
    "a word about the tools it was written with": "|".join(
        r"\b" + "".join(parts) + r"\b"
        for parts in (
            ("clau", "de"),
            ("anth", "ropic"),
            ("chat", "gpt"),
            ("open", "ai"),
            ("sub", "-?agents?"),
            ("system ", "prompt"),
            ("ai ", "(session|assistant|agent)"),
        )
    ),
    "unfinished business": r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b",
    "a private key": "-----BEGIN [A-Z ]*PRIV" + "ATE KEY-----",
}
CASELESS = {"a word about the tools it was written with", "a package registry's host"}


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_no_tracked_file_contains(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.IGNORECASE if what in CASELESS else 0)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked_files()
        for number, line in enumerate(_text(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_patterns_find_what_they_are_for() -> None:
    hosts = re.compile(FORBIDDEN["a package registry's host"])
    assert hosts.search("https://" + "pypi" + ".org/simple")
    assert not hosts.search("docker.io postgresql types-pyyaml")


def test_no_tracked_file_is_over_1_mb() -> None:
    assert [str(path) for path in tracked_files() if path.stat().st_size > LIMIT] == []


def test_no_binary_is_tracked() -> None:
    magic = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"MZ\x90\x00", b"PK\x03\x04")
    assert [str(path) for path in tracked_files() if path.read_bytes()[:4].startswith(magic)] == []


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_every_module_says_what_it_is_for(module: Module) -> None:
    first = module.tree.body[0] if module.tree.body else None
    value = getattr(first, "value", None)
    assert isinstance(getattr(value, "value", None), str), f"{module.path} has no docstring"


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert [str(m.path) for m in modules() if m.name.rpartition(".")[2] in vague] == []


def test_every_test_folder_is_a_package() -> None:
    """Otherwise two test files of one name in two folders are one module to pytest."""
    folders = {path.parent for path in tracked_files() if path.match("tests/**/test_*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_warnings_are_errors_in_tests() -> None:
    options = pyproject()["tool"]["pytest"]["ini_options"]
    assert options["filterwarnings"][0] == "error"
    assert options["xfail_strict"] is True


def test_scripts_can_be_run() -> None:
    scripts = [
        ROOT / ".ci" / "run",
        *(p for p in (ROOT / "scripts").iterdir() if not p.suffix and p.is_file()),
    ]
    assert [str(path) for path in scripts if not path.stat().st_mode & 0o111] == []
