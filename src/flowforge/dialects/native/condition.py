"""`when:` and `unless:`: a truth, an expression, or `and`, `or`, `not`, `equal` and `matches` of others."""

from flowforge.dialects.findings import quote
from flowforge.dialects.native.expression import expression, looks_like_one
from flowforge.dialects.native.fields import check_placeholders, is_null, items, mapping, single_entry
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.node import Entry, Map, Node, Scalar, Sequence, Value
from flowforge.dialects.outside import filled

_WORDS = ("and", "or", "not", "equal", "matches")
_HINT = "write `and`, `or`, `not`, `equal` or `matches` with what they are about"


def holds(node: Node, reading: Reading) -> bool:
    """What nobody can know yet holds."""
    return _truth(node, reading) is not False


def allowed(body: Map, reading: Reading) -> bool:
    """By `when` and `unless` of a job or a workflow."""
    when, unless = body.get("when"), body.get("unless")
    return (when is None or holds(when, reading)) and (unless is None or _truth(unless, reading) is not True)


def held(entry: Entry, condition: Node, reading: Reading) -> bool:
    """Whether the steps of a `when` or `unless` step run."""
    truth = _truth(condition, reading)
    return truth is not True if entry.key.text == "unless" else truth is not False


def _truth(node: Node, reading: Reading) -> bool | None:
    """None where it hangs on an occasion that is not there."""
    if isinstance(node, Scalar):
        return _scalar(node, reading)
    entry = single_entry(node) if isinstance(node, Map) else None
    if entry is None or entry.key.text not in _WORDS:
        _unknown(node, entry, reading)
        return None
    if entry.key.text == "not":
        inner = _truth(entry.value, reading)
        return None if inner is None else not inner
    if entry.key.text == "matches":
        return _matches(entry.value, reading)
    found = items(entry.value, f"`{entry.key.text}`", reading.findings)
    return _equal(found, reading) if entry.key.text == "equal" else _all_or_any(entry, found, reading)


def _all_or_any(entry: Entry, found: tuple[Node, ...], reading: Reading) -> bool | None:
    truths = [_truth(each, reading) for each in found]
    decisive = entry.key.text == "or"
    if decisive in truths:
        return decisive
    return None if None in truths or not truths else not decisive


def _scalar(node: Scalar, reading: Reading) -> bool | None:
    if looks_like_one(node):
        return expression(node, reading)
    check_placeholders(node, reading.findings)
    if _is_open(node, reading):
        return None
    value = filled(node) if node.outside else node.value
    return value == value and bool(value)


def _is_open(node: Node, reading: Reading) -> bool:
    return isinstance(node, Scalar) and bool(node.outside) and reading.for_nothing


def _equal(found: tuple[Node, ...], reading: Reading) -> bool | None:
    if any(_is_open(each, reading) for each in found):
        return None
    values = [_plain(each) for each in found]
    return all(type(value) is type(values[0]) and value == values[0] for value in values)


def _plain(node: Node) -> object:
    if isinstance(node, Scalar):
        value: Value = filled(node) if node.outside else node.value
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    return {name: _plain(entry.value) for name, entry in node.entries.items()}


def _matches(node: Node, reading: Reading) -> bool | None:
    hint = "write `matches: {pattern: …, value: …}`"
    body = mapping(node, "`matches`", reading.findings, hint)
    if body is None:
        return None
    pattern, value = body.get("pattern"), body.get("value")
    if not isinstance(pattern, Scalar) or not isinstance(value, Scalar) or len(body.entries) > 2:
        reading.findings.error("missing-key", node.mark, "`matches` takes `pattern` and `value`", hint)
        return None
    automaton = reading.patterns.regex(pattern, filled(pattern), reading.findings)
    if _is_open(value, reading) or automaton is None:
        return None
    return reading.patterns.matches(automaton, "" if is_null(value) else filled(value))


def _unknown(node: Node, entry: Entry | None, reading: Reading) -> None:
    if entry is not None:
        near = reading.findings.nearest(entry.key.text, _WORDS)
        hint = f"did you mean `{near}`?" if near else _HINT
        message = f"{quote(entry.key.text)} is no condition"
        reading.findings.error("unknown-condition", entry.key.mark, message, hint)
    else:
        message = "a condition has one of `and`, `or`, `not`, `equal`, `matches`"
        reading.findings.error("unknown-condition", node.mark, message, _HINT)
