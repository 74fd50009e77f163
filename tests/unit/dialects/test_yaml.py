import math
from typing import Any

import pytest
import yaml as pyyaml

from flowforge.dialects import yaml
from flowforge.dialects.findings import MOST_PROBLEMS, Findings
from flowforge.dialects.node import Map, Node, Scalar, Sequence
from flowforge.dialects.tree import DEEPEST, MOST_NODES
from flowforge.dialects.yaml_text import LARGEST_FILE

LOADERS = [yaml.FASTEST, pyyaml.SafeLoader]


@pytest.fixture(params=LOADERS, ids=["fastest", "python"])
def loader(request: pytest.FixtureRequest) -> Any:
    return request.param


def read(text: str, loader: Any = yaml.FASTEST) -> tuple[Node | None, list[str]]:
    findings = Findings("ci.yml")
    node = yaml.read(text, findings, loader)
    return node, [f"{each.mark.line}:{each.mark.column} {each.code}" for each in findings.problems]


def plain(node: Node | None) -> Any:
    if isinstance(node, Map):
        return {name: plain(entry.value) for name, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert node is not None
    return node.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("1:20", "1:20"),
        ("2024-01-02", "2024-01-02"),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("~", None),
        ("", None),
        ("Null", None),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("+7", 7),
        ("-7", -7),
        ("3.10", 3.1),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-.INF", -math.inf),
        (".", "."),
        ("9" * 65, "9" * 65),
        ("'7'", "7"),
        ('"true"', "true"),
        ("|\n  7", "7"),
        ("!!str 7", "7"),
        ("! 7", "7"),
        ("!!int '7'", 7),
        ("!!float 7", 7),
        ("!!null ''", None),
        ("!!bool 'true'", True),
        ("!!seq [1]", [1]),
        ("!!map {a: 1}", {"a": 1}),
    ],
)
def test_scalar_means_what_yaml_1_2_says(text: str, value: Any, loader: Any) -> None:
    node, problems = read(f"k: {text}", loader)
    assert problems == []
    assert plain(node) == {"k": value}


def test_not_a_number_is_a_float(loader: Any) -> None:
    node, _ = read("k: .nan", loader)
    assert math.isnan(plain(node)["k"])


def test_scalar_keeps_the_text_it_was_written_as() -> None:
    node, _ = read("[3.10, 012, '3.10', ~]")
    assert isinstance(node, Sequence)
    scalars = [item for item in node.items if isinstance(item, Scalar)]
    assert [(each.text, each.plain) for each in scalars] == [
        ("3.10", True),
        ("012", True),
        ("3.10", False),
        ("~", True),
    ]


def test_every_node_and_key_knows_its_place(loader: Any) -> None:
    node, _ = read("\ufeff# c\nä: 1\nlist:\n  - {x: y}\n  -   z\n", loader)
    assert isinstance(node, Map)
    entry = node.entries["list"]
    assert (entry.key.mark.line, entry.key.mark.column) == (3, 1)
    assert isinstance(entry.value, Sequence)
    places = [str(item.mark) for item in entry.value.items]
    assert places == ["ci.yml:4:5", "ci.yml:5:7"]


def test_aliases_and_merge_keys_are_resolved_with_own_keys_first(loader: Any) -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*b, *a], z: 3}\nd: {'<<': 1}\ne: [*a, *a]"
    node, problems = read(text, loader)
    assert problems == []
    values = plain(node)
    assert values["c"] == {"z": 3, "y": 2, "x": 1}
    assert values["d"] == {"<<": 1}
    assert values["e"] == [{"x": 1, "y": 1}] * 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "2:1 duplicate-key"),
        ("[a]: 1", "1:1 complex-key"),
        ("a: *b", "1:4 unknown-alias"),
        ("a: &a [*a]", "1:8 recursive-alias"),
        ("a: &a {b: {c: *a}}", "1:15 recursive-alias"),
        ("a: {<<: [1]}", "1:10 bad-merge"),
        ("a: !!python/name:os.system x", "1:4 unknown-tag"),
        ("a: !local {}", "1:4 unknown-tag"),
        ("a: !!binary aaaa", "1:4 unknown-tag"),
        ("a: !!bool maybe", "1:4 wrong-tag"),
        ("a: !!map [1]", "1:4 wrong-tag"),
        ("a: !!int {}", "1:4 wrong-tag"),
        ("a: !!seq x", "1:4 wrong-tag"),
        ("a\n---\nb", "2:1 several-documents"),
        ("a: [1", "1:6 syntax"),
        ("a: 'x", "1:6 syntax"),
        ("a:\n\tb: 1", "2:1 syntax"),
        ("a: b: c", "1:5 syntax"),
        ("", "1:1 empty-file"),
        ("---\n...\n", "1:1 empty-file"),
        ("a: \x07", "1:4 not-text"),
        ("a\r\n\rb: \udcff", "3:4 not-text"),
        ("a: \u2029", "1:4 not-text"),
        ('a: "\\0"', "1:4 not-text"),
        ("[" * (DEEPEST + 1), f"1:{DEEPEST + 1} too-deep"),
        ("a" * (LARGEST_FILE + 1), "1:1 file-too-large"),
        ("ä" * LARGEST_FILE, "1:1 file-too-large"),
    ],
)
def test_mistake_is_named_with_its_place(text: str, problem: str, loader: Any) -> None:
    _, problems = read(text, loader)
    assert problems == [problem]


def test_numbers_that_only_the_python_parser_accepts_are_syntax_errors() -> None:
    for text in ('a: "\\U00110000"', 'a: "\\UFFFFFFFF"', f"%YAML 1.{'9' * 5000}\n---\na"):
        node, problems = read(text, pyyaml.SafeLoader)
        assert node is None
        assert [each.split()[1] for each in problems] == ["syntax"]


def test_alias_counts_as_much_as_what_it_stands_for() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    _, problems = read("\n".join(lines))
    assert problems == ["5:25 too-large-expanded"]


def test_long_text_repeated_by_aliases_is_refused() -> None:
    _, problems = read(f"a: &a {'x' * 500_000}\nb: [{', '.join(['*a'] * 20)}]")
    assert [each.split()[1] for each in problems] == ["too-large-expanded"]


def test_depth_counts_through_aliases() -> None:
    half = DEEPEST // 2 + 1
    _, problems = read(f"a: &a {'[' * half}{']' * half}\nb: {'[' * half}*a{']' * half}")
    assert [each.split()[1] for each in problems] == ["too-deep"]


def test_more_values_than_the_limit_are_refused() -> None:
    _, problems = read("- a\n" * MOST_NODES)
    assert [each.split()[1] for each in problems] == ["too-large-expanded"]


@pytest.mark.parametrize(("last", "named"), [("a", False), ("*a", True)])
def test_fewer_aliases_are_advised_only_where_there_are_some(last: str, named: bool) -> None:
    findings = Findings("ci.yml")
    yaml.read(f"- &a a\n- {last}\n" + "- a\n" * MOST_NODES, findings)
    assert ("aliases" in findings.problems[0].hint) is named


def test_as_many_problems_as_a_reader_can_bear_are_kept() -> None:
    findings = Findings("ci.yml")
    yaml.read("a: 1\n" * 2000, findings)
    assert findings.failed
    assert len(findings.problems) == MOST_PROBLEMS + 1
    assert findings.problems[-1].code == "more-problems"


def test_one_mistake_behind_an_anchor_is_said_once() -> None:
    findings = Findings("ci.yml")
    node = yaml.read("a: &a [1]\nb: *a", findings)
    assert isinstance(node, Map)
    for entry in node.entries.values():
        findings.error("code", entry.value.mark, "message", "hint")
    assert len(findings.problems) == 1


def test_long_and_many_words_get_no_suggestion() -> None:
    findings = Findings("ci.yml")
    assert findings.nearest("x" * 65, ["x" * 64]) is None
    assert findings.nearest("jobz", ["x" * 65, "jobs"]) == "jobs"
    for _ in range(100):
        findings.nearest("jobz", ["jobs"])
    assert findings.nearest("jobz", ["jobs"]) is None
