"""Reading a node as what the grammar wants there. After an error each answers a harmless value."""

import re
from collections.abc import Container, Iterator

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.vocabulary import PRIVILEGES, Vocabulary
from flowforge.dialects.node import Entry, Map, Node, Scalar, Sequence
from flowforge.dialects.outside import filled
from flowforge.dialects.placeholder import placeholders

MOST_NAMED = 12
"""Words that a hint lists."""

_EXTENSION = "x-"
_EXPRESSION = re.compile(r"(?<!\\)<<[ \t(]{0,20}(?:not\b[ \t(]{0,20})?pipeline\.[^\n]{1,500}?>>")
"""In `<< >>`, and more than the name of a value."""
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
    written = raw_text(node, findings)
    if not written.strip():
        findings.error("empty-value", node.mark, f"{what} is empty", "write a value, or remove the key")
    return written


def raw_text(node: Scalar, findings: Findings) -> str:
    """As written, with null as the empty text and with everything in the place of its `<< >>`."""
    check_placeholders(node, findings)
    return "" if node.value is None else filled(node).replace("\\<<", "<<")


def own_text(node: Node, what: str, findings: Findings) -> str:
    """A text that becomes part of a command: nobody else's words may stand in it."""
    if isinstance(node, Scalar) and node.outside:
        message = f"{what} cannot hold a value that comes from outside"
        hint = "write the value itself, or read it from `environment` in the script"
        findings.unreadable("outside-value", node.mark, message, hint)
        return ""
    return text(node, what, findings)


def check_placeholders(node: Scalar, findings: Findings) -> None:
    if "<<" in node.text and _EXPRESSION.search(node.text):
        hint = "write it as a `condition`, in `when` or in `filters`"
        findings.unreadable("bad-expression", node.mark, "an expression cannot stand here", hint)
    for name in placeholders(node.text):
        message = f"there is no value {quote(f'<< {name} >>')} here"
        hint = "declare it, or write the value itself; a text with `<<` is written `\\<<`"
        findings.unreadable("unknown-value", node.mark, message, hint)


def whole_number(node: Node, what: str, least: int, most: int, findings: Findings) -> int:
    """`least` after an error."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    hint = f"write a whole number from {least} to {most}"
    findings.error("bad-value", node.mark, f"{what} must be a whole number, and is {shown(node)}", hint)
    return least


def texts(node: Node, what: str, findings: Findings) -> tuple[str, ...]:
    """One text, or a list of them."""
    nodes = node.items if isinstance(node, Sequence) else (node,)
    return tuple(text(each, what if node is each else f"an item of {what}", findings) for each in nodes)


def shown(node: Node) -> str:
    return quote(filled(node)) if isinstance(node, Scalar) else kind(node)


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
        known = entry.key.text in words.later or entry.key.text in words.without
        if words.others and not known:
            _read_over(entry.key, words, findings)
        elif not entry.key.text.startswith(_EXTENSION):
            unusable_word(entry.key, words, "unknown-key", findings)


def _read_over(word: Scalar, words: Vocabulary, findings: Findings) -> None:
    near = findings.nearest(word.text, words.now)
    hint = (f"did you mean `{near}`? " if near else "") + "what only holds anchors may begin with `x-`"
    message = f"{quote(word.text)} is no word of this file: nothing of it is used but its anchors"
    findings.warning("left-out", word.mark, message, hint)


def unusable_word(word: Scalar, words: Vocabulary, code: str, findings: Findings) -> None:
    """`word` is none of `words.now`; `code` is for one that is unknown altogether."""
    if word.text in words.without:
        message = f"{quote(word.text)} is left out: it does nothing here"
        findings.warning("left-out", word.mark, message, words.without[word.text])
        return
    if word.text.lower().replace("-", "_") in PRIVILEGES:
        message = f"{quote(word.text)} cannot be asked for in a file: only an admin can allow it, on a runner"
        hint = "leave it out, or have an admin define a grant and write `grant: NAME` at the job"
        findings.error("needs-grant", word.mark, message, hint)
        return
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
    names = ", ".join(each for each in words.now[:MOST_NAMED] if each.isprintable())
    return f"write one of {names}" + (" and others" if len(words.now) > MOST_NAMED else "")
