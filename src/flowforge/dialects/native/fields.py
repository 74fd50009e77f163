"""Reading a node as what the grammar wants there. After an error each answers a harmless value."""

import re
from collections.abc import Container, Iterator

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.vocabulary import Vocabulary
from flowforge.dialects.node import Entry, Map, Node, Scalar, Sequence

_PLACEHOLDER = re.compile(r"<<\s*(?:parameters|matrix|pipeline)\.[\w.-]{1,80}\s*>>")
_EXTENSION = "x-"
_FORMS = {
    "text": "write it on the same line, behind the colon",
    "a list": "begin each line below it with `- `",
    "a mapping": "write `key: value` lines below it, indented",
}


def mapping(node: Node, what: str, findings: Findings, hint: str = "") -> Map | None:
    if isinstance(node, Map):
        return node
    wrong_type(node, what, "a mapping", findings, hint)
    return None


def items(node: Node, what: str, findings: Findings) -> tuple[Node, ...]:
    if not isinstance(node, Sequence):
        wrong_type(node, what, "a list", findings)
        return ()
    if not node.items:
        findings.error("empty-value", node.mark, f"{what} is an empty list", "add an item, or remove the key")
    return node.items


def text(node: Node, what: str, findings: Findings) -> str:
    """A number or boolean is the text it was written as. An empty text is an error."""
    if not isinstance(node, Scalar):
        wrong_type(node, what, "text", findings)
        return ""
    if not node.text.strip() or node.value is None:
        findings.error("empty-value", node.mark, f"{what} is empty", "write a value, or remove the key")
    return raw_text(node, findings)


def raw_text(node: Scalar, findings: Findings) -> str:
    """As written, with null as the empty text."""
    if "<<" in node.text and (found := _PLACEHOLDER.search(node.text)):
        hint = "write the value itself"
        findings.unreadable(
            "not-supported-yet", node.mark, f"{quote(found.group())} is not supported yet", hint
        )
    return "" if node.value is None else node.text


def flag(node: Node, what: str, findings: Findings) -> bool | None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    hint = "write `true` or `false`"
    findings.error("wrong-type", node.mark, f"{what} must be true or false, not {kind(node)}", hint)
    return None


def one_of(node: Node, what: str, words: tuple[str, ...], findings: Findings) -> str:
    """One of `words`; the first after an error."""
    word = text(node, what, findings)
    if word in words:
        return word
    near = findings.nearest(word, words)
    hint = f"did you mean `{near}`?" if near else "write " + " or ".join(f"`{each}`" for each in words)
    findings.error("bad-value", node.mark, f"{what} cannot be {quote(word)}", hint)
    return words[0]


def single_entry(node: Map) -> Entry | None:
    """The entry of a mapping that has exactly one."""
    return next(iter(node.entries.values())) if len(node.entries) == 1 else None


def check_keys(node: Map, words: Vocabulary, findings: Findings) -> None:
    """Every key that does not work: one by one as known and not supported yet, or as unknown."""
    for entry in _others(node, words.now):
        if not entry.key.text.startswith(_EXTENSION):
            unusable_word(entry.key, words, "unknown-key", findings)


def unusable_word(word: Scalar, words: Vocabulary, code: str, findings: Findings) -> None:
    """`word` is none of `words.now`; `code` is for one that is unknown altogether."""
    if word.text in words.later:
        message = f"{quote(word.text)} is not supported yet"
        findings.error("not-supported-yet", word.mark, message, words.later[word.text])
        return
    hint = words.instead.get(word.text) or _suggestion(word.text, words, findings)
    findings.error(code, word.mark, f"{words.unknown} {quote(word.text)}", hint)


def wrong_type(node: Node, what: str, wanted: str, findings: Findings, hint: str = "") -> None:
    """`wanted` is `text`, `a list` or `a mapping`, which need no hint, or other words."""
    hint = hint or _FORMS[wanted]
    if is_null(node):
        findings.error("empty-value", node.mark, f"{what} is empty", hint)
    else:
        findings.error("wrong-type", node.mark, f"{what} must be {wanted}, not {kind(node)}", hint)


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def kind(node: Node) -> str:
    if isinstance(node, Map):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node.value, bool):
        return "true or false"
    if isinstance(node.value, int | float):
        return "a number"
    return "text"


def _others(node: Map, names: Container[str]) -> Iterator[Entry]:
    return (entry for name, entry in node.entries.items() if name not in names)


def _suggestion(word: str, words: Vocabulary, findings: Findings) -> str:
    near = findings.nearest(word, (*words.now, *words.later))
    if near:
        return f"did you mean `{near}`?"
    return "write one of " + ", ".join(words.now)
