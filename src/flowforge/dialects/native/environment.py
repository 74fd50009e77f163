"""`environment:` as a mapping, or as a list of `NAME=VALUE` and one-entry mappings."""

from collections.abc import Iterator

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.fields import is_null, kind, mapping, raw_text, single_entry
from flowforge.dialects.native.names import variable
from flowforge.dialects.node import Map, Node, Scalar, Sequence
from flowforge.dialects.outside import filled

MOST_VARIABLES = 500
LARGEST_VALUE = 64 * 1024
"""In bytes; the kernel takes twice this in one string of a process's environment."""

_WHAT = "`environment`"


def environment(node: Node | None, findings: Findings) -> dict[str, str]:
    if node is None or is_null(node):
        return {}
    variables: dict[str, str] = {}
    for name, value in _pairs(node, findings):
        word = variable(name, "a variable's name", findings)
        if word in variables:
            findings.error("duplicate-key", name.mark, f"{quote(word)} stands twice", "keep one of them")
        variables[word] = _value(value, findings)
    if len(variables) > MOST_VARIABLES:
        hint = "write them to a file in the repository"
        findings.error("too-many", node.mark, f"{_WHAT} has more than {MOST_VARIABLES} variables", hint)
    return variables


def _pairs(node: Node, findings: Findings) -> Iterator[tuple[Scalar, Node]]:
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _item(item, findings)
        return
    if body := mapping(node, _WHAT, findings):
        for entry in body.entries.values():
            yield entry.key, entry.value


def _item(item: Node, findings: Findings) -> Iterator[tuple[Scalar, Node]]:
    if isinstance(item, Map) and (entry := single_entry(item)):
        yield entry.key, entry.value
    elif isinstance(item, Scalar) and "=" in filled(item):
        name, _, value = filled(item).partition("=")
        yield Scalar(text=name, value=name, mark=item.mark), Scalar(text=value, value=value, mark=item.mark)
    else:
        message = f"an item of {_WHAT} must be NAME=VALUE, not {kind(item)}"
        findings.error("wrong-type", item.mark, message, "write `- NAME=VALUE` or `- NAME: VALUE`")


def _value(node: Node, findings: Findings) -> str:
    if not isinstance(node, Scalar):
        message = f"a variable's value must be text, not {kind(node)}"
        findings.error(
            "wrong-type",
            node.mark,
            message,
            "write the value on the same line, in quotes where it has several words",
        )
        return ""
    value = raw_text(node, findings)
    if len(value.encode(errors="replace")) > LARGEST_VALUE:
        hint = "write it to a file in the repository"
        findings.error("too-long", node.mark, f"a variable's value has more than {LARGEST_VALUE} bytes", hint)
    return value
