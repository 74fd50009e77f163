"""News for users: one well-formed file a change."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT, pyproject

KINDS = [kind["directory"] for kind in pyproject()["tool"]["towncrier"]["type"]]
FRAGMENTS = [path for path in (ROOT / "changes").iterdir() if path.name != "README.md"]


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda p: p.name)
def test_a_fragment_has_an_issue_or_a_word_and_a_kind(fragment: Path) -> None:
    assert re.fullmatch(rf"(\d+|\+[a-z0-9-]+)\.({'|'.join(KINDS)})(\.\d+)?\.md", fragment.name)


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda p: p.name)
def test_a_fragment_is_a_sentence_or_two(fragment: Path) -> None:
    text = fragment.read_text(encoding="utf-8")
    assert text.endswith(".\n")
    assert 20 < len(text) < 600
    assert "\n\n" not in text.strip()
    assert text[0].isupper() or text[0] == "`"


def test_the_fragments_make_a_release_page() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "0.0.0", "--date", "2000-01-01"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "## 0.0.0 (2000-01-01)" in done.stdout
