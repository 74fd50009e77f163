"""Docs that can be checked are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import PACKAGE, ROOT, modules, tracked_files

DOCS = ROOT / "docs"
PAGES = [path for path in tracked_files() if path.suffix == ".md"]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _prose(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", _prose(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(_read(page))):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        if not place.exists() or (anchor and anchor not in _anchors(_read(place))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("kind", ["tutorial", "how-to", "reference", "explanation", "decisions"])
def test_every_kind_of_page_exists(kind: str) -> None:
    assert list((DOCS / kind).glob("*.md"))


def test_the_readme_begins_with_the_two_commands() -> None:
    first_screen = "\n".join(_read(ROOT / "README.md").splitlines()[:24])
    assert "make demo" in first_screen
    assert "make test" in first_screen


def test_every_package_is_in_the_table_of_the_architecture() -> None:
    rows = [line for line in _read(DOCS / "architecture.md").splitlines() if line.startswith("|")]
    named = set(re.findall(r"`([a-z_/]+)`", "\n".join(rows)))
    top = {path.stem for path in PACKAGE.iterdir() if path.suffix in {"", ".py"}}
    top -= {"__init__", "__pycache__", "_version"}
    hands = {
        f"adapters/{path.name}"
        for path in (PACKAGE / "adapters").iterdir()
        if (path / "__init__.py").exists()
    }
    assert (top | hands) - named == set()


def test_the_glossary_has_every_noun() -> None:
    known = set(re.findall(r"`(\w+)`", _read(DOCS / "glossary.md")))
    nouns = {node.name for module in modules("model") for node in module.classes() if node.name[0] != "_"}
    assert nouns - known == set(), "add a row to docs/glossary.md"


def test_the_glossary_names_no_class_that_is_gone() -> None:
    known = re.findall(r"`([A-Z]\w+)", _read(DOCS / "glossary.md"))
    present = {node.name for module in modules("model", "ports") for node in module.classes()}
    assert set(known) - present == set()


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("*.md")), ids=lambda p: p.name)
def test_a_decision_has_a_number_and_at_most_40_lines(page: Path) -> None:
    lines = _read(page).splitlines()
    number = re.match(r"(\d{4})-[a-z0-9-]+$", page.stem)
    assert number
    assert lines[0].startswith(f"# {int(number.group(1))}. ")
    assert len(lines) <= 40


def test_no_two_decisions_have_one_number() -> None:
    numbers = [page.name[:4] for page in (DOCS / "decisions").glob("*.md")]
    assert sorted(numbers) == sorted(set(numbers))


@pytest.mark.parametrize("page", ["settings", "states"])
def test_a_generated_page_is_what_its_table_says(page: str) -> None:
    done = subprocess.run(
        [sys.executable, f"scripts/{page}_reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_every_make_target_that_is_written_about_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", _read(ROOT / "Makefile"), flags=re.MULTILINE))
    mentioned = {
        name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z-]+)", _read(page), re.MULTILINE)
    }
    assert mentioned - targets == set()


def test_the_wanted_targets_exist_and_explain_themselves() -> None:
    explained = set(re.findall(r"^([a-z-]+):.*## \S", _read(ROOT / "Makefile"), flags=re.MULTILINE))
    assert {"help", "setup", "demo", "test", "check", "bench", "soak", "lock"} <= explained
