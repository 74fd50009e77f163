"""`filters:` on branches and tags, and `paths:` on what changed. Each answers why something is left out, or nothing."""

from collections.abc import Callable

from flowforge.dialects.findings import quote
from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.expression import expression
from flowforge.dialects.native.fields import check_keys, items, mapping, text
from flowforge.dialects.native.grammar import Tags
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.node import Map, Node, Scalar, Sequence
from flowforge.dialects.patterns.automaton import Automaton

Matcher = Callable[[str], bool]


def left_out(filters: Node | None, reading: Reading) -> str:
    """By the branch or tag of the occasion."""
    if filters is None:
        return _without_filters(reading)
    if isinstance(filters, Scalar) and isinstance(filters.value, str):
        return "" if expression(filters, reading) is not False else "its filter does not hold"
    body = mapping(filters, "`filters`", reading.findings, "write `branches:` with `only:` below it")
    if body is None:
        return ""
    check_keys(body, vocabulary.FILTERS, reading.findings)
    branches, tags = body.get("branches"), body.get("tags")
    by_branch = names_left_out(branches, "branch", _branch(reading), reading) if branches else ""
    by_tag = names_left_out(tags, "tag", _tag(reading), reading) if tags else ""
    if not _tag(reading):
        return by_branch
    if tags is not None:
        return by_tag
    if reading.grammar.tags is Tags.LEFT_OUT:
        return _without_filters(reading)
    only = "only" in branches.entries if isinstance(branches, Map) else branches is not None
    return f"a tag, {quote(_tag(reading))}, is none of the branches in its filter" if only else ""


def names_left_out(node: Node, noun: str, name: str, reading: Reading) -> str:
    """By `only` and `ignore`, or a list or text that stands for `only`. An empty name is left alone."""
    only, ignore = _only_and_ignore(node, reading, _names)
    if not name:
        return ""
    if only is not None and not only(name):
        return f"its filter does not name the {noun} {quote(name)}"
    if ignore is not None and ignore(name):
        return f"its filter ignores the {noun} {quote(name)}"
    return ""


def paths_left_out(node: Node | None, reading: Reading) -> str:
    """By the paths that changed, where they are known."""
    if node is None:
        return ""
    return reading.once("paths", node, lambda: _paths_left_out(node, reading))


def _paths_left_out(node: Node, reading: Reading) -> str:
    only, ignore = _only_and_ignore(node, reading, _globs)
    changed = reading.given.changed
    if changed is None:
        return ""
    for path in changed:
        wanted = (only is None or only(path)) and not (ignore is not None and ignore(path))
        if wanted or reading.patterns.left <= 0:
            return ""
    return "no file changed that its paths name"


def _without_filters(reading: Reading) -> str:
    if reading.grammar.tags is Tags.LEFT_OUT and _tag(reading):
        return f"no filter of it names the tag {quote(_tag(reading))}"
    return ""


def _branch(reading: Reading) -> str:
    trigger = reading.given.trigger
    return trigger.branch if trigger else ""


def _tag(reading: Reading) -> str:
    trigger = reading.given.trigger
    return trigger.tag if trigger else ""


def _only_and_ignore(
    node: Node, reading: Reading, read: Callable[[Node, str, Reading], Matcher]
) -> tuple[Matcher | None, Matcher | None]:
    if not isinstance(node, Map):
        return read(node, "a filter", reading), None
    check_keys(node, vocabulary.FILTER, reading.findings)
    only, ignore = node.get("only"), node.get("ignore")
    return (
        read(only, "`only`", reading) if only else None,
        read(ignore, "`ignore`", reading) if ignore else None,
    )


def _names(node: Node, what: str, reading: Reading) -> Matcher:
    return reading.once("names", node, lambda: _named(node, what, reading))


def _named(node: Node, what: str, reading: Reading) -> Matcher:
    """Words as they are, and `/regular expressions/` that match the whole name."""
    words: set[str] = set()
    patterns: list[Automaton | None] = []
    for each in _each(node, what, reading):
        word = text(each, "a name in a filter", reading.findings)
        if len(word) > 1 and word.startswith("/") and word.endswith("/"):
            patterns.append(reading.patterns.regex(each, word[1:-1], reading.findings))
        else:
            words.add(word)
    return lambda name: name in words or any(reading.patterns.matches(p, name) for p in patterns)


def _globs(node: Node, what: str, reading: Reading) -> Matcher:
    globs = [
        reading.patterns.glob(each, "a path in a filter", reading.findings)
        for each in _each(node, what, reading)
    ]
    return lambda path: any(reading.patterns.matches(each, path) for each in globs)


def _each(node: Node, what: str, reading: Reading) -> tuple[Node, ...]:
    return items(node, what, reading.findings) if isinstance(node, Sequence) else (node,)
