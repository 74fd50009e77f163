"""YAML text to a tree of nodes, without trusting it.

It is built from the parser's events rather than from PyYAML's composed nodes: the composer calls itself for each level
and resolves every alias first, whereas here each limit is checked before anything of that size exists.
"""

from typing import Any

import yaml

from flowforge.dialects.findings import Findings
from flowforge.dialects.node import Node, Scalar
from flowforge.dialects.tree import Refused, TreeBuilder
from flowforge.dialects.yaml_text import check_text, end_of, explain, without_bom
from flowforge.model.problem import Mark

FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C parser where PyYAML was built with it."""


def read(text: str, findings: Findings, loader: Any = FASTEST) -> Node | None:
    """The one document of `text`; None after an error that leaves nothing to look at. Never raises on text.

    Bytes are best decoded with `surrogateescape`: what is not UTF-8 is then named with its place.
    """
    text = without_bom(text)
    if not check_text(text, findings):
        return None
    builder = TreeBuilder(findings)
    try:
        _feed(builder, text, loader)
    except Refused:
        return None
    except yaml.MarkedYAMLError as error:
        _syntax_error(error, text, findings)
        return None
    except (ValueError, OverflowError):
        # Python's own parser converts escapes and directives without a range check.
        findings.error(
            "syntax", builder.last, "a number here is out of range", "look at the escapes behind it"
        )
        return None
    return _document(builder, findings)


def _feed(builder: TreeBuilder, text: str, loader: Any) -> None:
    parser = loader(text)
    try:
        while (event := parser.get_event()) is not None:
            builder.take(event)
    finally:
        parser.dispose()


def _document(builder: TreeBuilder, findings: Findings) -> Node | None:
    root = builder.root
    if root is None or (isinstance(root, Scalar) and root.value is None):
        findings.error(
            "empty-file",
            Mark(path=findings.path),
            "the file is empty",
            "begin with `jobs:` and one job below it",
        )
        return None
    return root


def _syntax_error(error: yaml.MarkedYAMLError, text: str, findings: Findings) -> None:
    place: Any = error.problem_mark or error.context_mark
    # At the end of a text without a last line break the C parser points at the line after it.
    line, column = min((place.line + 1, place.column + 1), end_of(text))
    message, hint = explain(error)
    findings.error("syntax", Mark(path=findings.path, line=line, column=column), message, hint)
