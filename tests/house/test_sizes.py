"""How large things may grow before a noun is missing. The figures are STYLE's, measured on the models it names."""

import ast
import math
from collections.abc import Sequence
from functools import cache

import pytest

from tests.house.source import FunctionNode, Module, modules

PORTS = frozenset(module.name for module in modules("ports"))
VALUES = ("model", "errors", "settings")


def _share(sizes: Sequence[int], share: float) -> int:
    """The smallest size that at least this share of all does not exceed."""
    return sorted(sizes)[math.ceil(share * len(sizes)) - 1]


def _length(node: FunctionNode) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _functions() -> list[tuple[int, str]]:
    """Ports have no bodies, so they would only flatter the figures."""
    return [
        (_length(function), f"{module.path}:{function.lineno} {function.name}")
        for module in modules()
        if module.name not in PORTS
        for function in module.functions()
    ]


def _files() -> list[tuple[int, str]]:
    return [(m.lines, str(m.path)) for m in modules() if not _only_a_docstring(m)]


def _only_a_docstring(module: Module) -> bool:
    return len(module.tree.body) <= 1


def test_no_function_is_longer_than_60_lines() -> None:
    assert [entry for entry in _functions() if entry[0] > 60] == []


def test_nine_in_ten_functions_have_30_lines_at_most() -> None:
    sizes = [size for size, _ in _functions()]
    assert _share(sizes, 0.9) <= 30, sorted(_functions(), reverse=True)[: len(sizes) // 8]


def test_half_of_all_functions_have_10_lines_at_most() -> None:
    assert _share([size for size, _ in _functions()], 0.5) <= 10


def test_no_file_is_longer_than_500_lines() -> None:
    assert [entry for entry in _files() if entry[0] > 500] == []


def test_nine_in_ten_files_have_350_lines_at_most() -> None:
    assert _share([size for size, _ in _files()], 0.9) <= 350, sorted(_files(), reverse=True)[:10]


def test_half_of_all_files_have_150_lines_at_most() -> None:
    assert _share([size for size, _ in _files()], 0.5) <= 150


def test_no_port_has_more_than_7_methods() -> None:
    counts = {port.name: _methods(port) for module in modules("ports") for port in module.classes()}
    assert counts
    assert {name: count for name, count in counts.items() if count > 7} == {}


def _methods(port: ast.ClassDef) -> int:
    """Properties hand out other ports and are no methods."""
    functions = [node for node in port.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return sum(not any(_name(mark) == "property" for mark in f.decorator_list) for f in functions)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


@cache
def _collaborator_names() -> frozenset[str]:
    """Every class that does something: all of ours but values; and `Callable`, a collaborator of one method."""
    values = {c.name for m in modules(*VALUES) for c in m.classes()}
    ours = {c.name for m in modules() for c in m.classes() if not _is_enum(c)}
    return frozenset((ours - values) | {"Callable"})


def _is_enum(node: ast.ClassDef) -> bool:
    return any(_name(base).endswith("Enum") for base in node.bases)


def collaborators(node: ast.ClassDef, known: frozenset[str]) -> int:
    """How many collaborators a class is constructed with: arguments of `__init__`, or fields of a dataclass."""
    written = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"]
    if written:
        taken = written[0].args
        kinds = [a.annotation for a in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    elif any("dataclass" in ast.unparse(mark) for mark in node.decorator_list):
        kinds = [f.annotation for f in node.body if isinstance(f, ast.AnnAssign) and not _is_own_state(f)]
    else:
        return 0
    return sum(kind is not None and _mentions(kind, known) for kind in kinds)


def _is_own_state(field: ast.AnnAssign) -> bool:
    """What a dataclass makes for itself, rather than being handed it."""
    return field.value is not None and "default_factory" in ast.unparse(field.value)


def _mentions(annotation: ast.expr, known: frozenset[str]) -> bool:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    return any(isinstance(n, ast.Name) and n.id in known for n in ast.walk(annotation))


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_no_constructor_takes_more_than_6_collaborators(module: Module) -> None:
    if module.name.startswith("flowforge.wiring"):
        return  # it knows everyone: that is its one purpose
    known = _collaborator_names()
    counts = {node.name: collaborators(node, known) for node in module.classes()}
    assert {name: count for name, count in counts.items() if count > 6} == {}


def test_a_constructor_with_too_many_collaborators_is_counted() -> None:
    known = frozenset({"Store", "Logs", "Bell", "Callable"})
    text = "class C:\n    def __init__(self, store: Store, logs: 'Logs', bell: Bell | None, size: int): ..."
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.ClassDef)
    assert collaborators(node, known) == 3
