"""What a mapping holds once its merge keys are resolved."""

from collections.abc import Iterator

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.node import Entry, Map, Node, Scalar, Sequence

_MERGE = "<<"


def entries_of(children: list[Node], findings: Findings) -> dict[str, Entry]:
    """`children` are keys and values in turn. A key of its own goes before a merged one, an earlier merged one before
    a later one."""
    own: dict[str, Entry] = {}
    merged: list[Map] = []
    for key, value in zip(children[::2], children[1::2], strict=True):
        if not isinstance(key, Scalar):
            findings.error(
                "complex-key", key.mark, "a key must be text, not a list or a mapping", "write `key: value`"
            )
        elif key.plain and key.text == _MERGE:
            merged += _sources(value, findings)
        elif key.text in own:
            _duplicate(key, own[key.text], findings)
        else:
            own[key.text] = Entry(key=key, value=value)
    for source in merged:
        for name, entry in source.entries.items():
            own.setdefault(name, entry)
    return own


def _sources(value: Node, findings: Findings) -> Iterator[Map]:
    for source in value.items if isinstance(value, Sequence) else (value,):
        if isinstance(source, Map):
            yield source
        else:
            findings.error(
                "bad-merge",
                source.mark,
                "`<<` takes mappings only",
                "write `<<: *name` with `&name` at a mapping",
            )


def _duplicate(key: Scalar, first: Entry, findings: Findings) -> None:
    line = first.key.mark.line
    findings.error(
        "duplicate-key", key.mark, f"{quote(key.text)} stands twice, first at line {line}", "keep one of them"
    )
