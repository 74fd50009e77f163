import json
from pathlib import Path

from tests.unit.cli.conftest import Flowforge

GOLDEN = Path(__file__).parent / "lint"


def _place(tmp_path: Path) -> None:
    (tmp_path / ".flowforge").mkdir()
    (tmp_path / ".flowforge" / "ci.yml").write_bytes((GOLDEN / "ci.yml").read_bytes())


def test_problems_are_shown_with_place_line_caret_and_hint(flowforge: Flowforge, tmp_path: Path) -> None:
    _place(tmp_path)
    shown = flowforge("lint", ".", environ={"PYTHONIOENCODING": "utf-8"})
    assert shown.out == (GOLDEN / "ci.out").read_text()
    assert (shown.code, shown.err) == (1, "")


def test_problems_are_coloured_when_that_is_forced(flowforge: Flowforge, tmp_path: Path) -> None:
    _place(tmp_path)
    shown = flowforge("lint", ".flowforge/ci.yml", environ={"FORCE_COLOR": "1", "NO_COLOR": ""})
    assert shown.out == (GOLDEN / "ci.ansi").read_text()


def test_json_is_one_value_of_the_documented_form(flowforge: Flowforge, tmp_path: Path) -> None:
    _place(tmp_path)
    shown = flowforge("lint", "--json", ".")
    assert json.loads(shown.out) == json.loads((GOLDEN / "ci.json").read_text())
    assert (shown.code, shown.err) == (1, "")


def test_a_file_without_problems_is_fine(flowforge: Flowforge, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("jobs: {a: {steps: [{run: make}]}}\n")
    assert flowforge("lint", "a.yml").out == "a.yml: no problems, 1 job\n"
    shown = flowforge("lint", "a.yml", "--json", "--dialect", "native")
    assert json.loads(shown.out) == {"files": [{"path": "a.yml", "dialect": "native", "problems": []}]}
    assert shown.code == 0


def test_the_second_name_of_the_config_is_found_too(flowforge: Flowforge, tmp_path: Path) -> None:
    (tmp_path / ".popsicle").mkdir()
    (tmp_path / ".popsicle" / "ci.yml").write_text("jobs: {a: {steps: [{run: make}]}}\n")
    assert flowforge("lint", str(tmp_path)).code == 0


def test_what_cannot_be_read_is_one_clear_error(flowforge: Flowforge, tmp_path: Path) -> None:
    assert (
        flowforge("lint", "nope.yml").err
        == "flowforge: nope.yml: cannot be read: No such file or directory\n"
    )
    (tmp_path / "empty").mkdir()
    missing = flowforge("lint", "empty", "--json")
    assert (missing.code, missing.out) == (1, "")
    assert (
        missing.err
        == "flowforge: empty: there is no .flowforge/ci.yml: add one that names at least one job\n"
    )


def test_another_systems_config_is_named_as_such(flowforge: Flowforge, tmp_path: Path) -> None:
    (tmp_path / ".gitlab-ci.yml").write_text("a: b\n")
    assert "there is no .flowforge/ci.yml; .gitlab-ci.yml is there" in flowforge("lint", ".").err
    assert (
        flowforge("lint", ".gitlab-ci.yml").err
        == "flowforge: .gitlab-ci.yml: this dialect cannot be read yet\n"
    )


def test_a_file_that_is_no_text_is_a_problem_with_a_place(flowforge: Flowforge, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"jobs:\n  \xff\x1b[2J: 1\n")
    shown = flowforge("lint", "a.yml")
    assert shown.out.startswith("a.yml:2:3: error: this is not UTF-8\n")
    assert "\x1b" not in shown.out


def test_a_long_line_is_shown_around_its_caret(flowforge: Flowforge, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(f"jobs: {{a: {{steps: [{{run: make}}], x{'y' * 300}: 1, color: red}}}}\n")
    lines = flowforge("lint", "a.yml").out.splitlines()
    assert all(len(line) < 110 for line in lines if "│" in line)
    assert any("…" in line for line in lines)
