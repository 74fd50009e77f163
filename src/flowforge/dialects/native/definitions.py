"""`commands:` and `executors:`, and what a job takes from them."""

from collections.abc import Mapping

from flowforge.dialects.findings import quote
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.fields import check_keys, is_null, mapping, text
from flowforge.dialects.native.names import name
from flowforge.dialects.native.parameters import ARGUMENTS, bind, parameters
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.vocabulary import Vocabulary
from flowforge.dialects.node import Entry, Map, Node

MOST_DEFINITIONS = 1000


def definitions(
    node: Node | None, noun: str, words: Vocabulary, reading: Reading, family: str = ""
) -> Mapping[str, Definition]:
    """By name. `noun` is what one of them is called."""
    if node is None or is_null(node):
        return {}
    body = mapping(node, f"`{noun}s`", reading.findings)
    if body is None:
        return {}
    if len(body.entries) > MOST_DEFINITIONS:
        message = f"a file has at most {MOST_DEFINITIONS} {noun}s"
        reading.findings.error("too-many", node.mark, message, "split the file")
        return {}
    read = (_definition(entry, noun, words, family, reading) for entry in body.entries.values())
    return {f"{family}{each.key.text}": each for each in read if each}


def _definition(
    entry: Entry, noun: str, words: Vocabulary, family: str, reading: Reading
) -> Definition | None:
    title = name(entry.key, f"the {noun}", reading.findings)
    body = mapping(entry.value, f"the {noun} {quote(title)}", reading.findings)
    if body is None:
        return None
    check_keys(body, words, reading.findings)
    declared = parameters(body.get("parameters"), ARGUMENTS, reading.findings)
    return Definition(key=entry.key, body=body, parameters=declared, family=family)


def with_executor(body: Map, family: str, reading: Reading) -> tuple[Map, Map | None]:
    """A job's own keys before those of its executor; and the executor."""
    node = body.get("executor")
    found = _executor(node, family, reading) if node else None
    if found is None:
        return body, None
    own = {key: each for key, each in found.entries.items() if key not in ("parameters", "environment")}
    return Map(entries={**own, **body.entries}, mark=body.mark), found


def _executor(node: Node, family: str, reading: Reading) -> Map | None:
    arguments: dict[str, Node] = {}
    place = node
    if isinstance(node, Map):
        title = node.get("name")
        if title is None:
            hint = "write `name:` with the executor's name"
            reading.findings.error("missing-key", node.mark, "`executor` has no `name`", hint)
            return None
        place = title
        arguments = {key: each.value for key, each in node.entries.items() if key != "name"}
    word = text(place, "`executor`", reading.findings)
    definition = reading.executors.get(f"{family}{word}") or _found(word, place, reading)
    if definition is None:
        return None
    values = bind(
        definition.parameters, arguments, f"the executor {quote(word)}", place.mark, reading.findings
    )
    expanded = reading.expander.expand(definition.body, values)
    return expanded if isinstance(expanded, Map) else None


def _found(word: str, node: Node, reading: Reading) -> Definition | None:
    if word and word not in reading.executors and not reading.explain(node, word):
        near = reading.findings.nearest(word, reading.executors)
        hint = f"did you mean {quote(near)}?" if near else "define it below the top level's `executors`"
        reading.findings.error("unknown-executor", node.mark, f"there is no executor {quote(word)}", hint)
    return reading.executors.get(word)


def arguments_of(node: Node, reading: Reading, what: str) -> Mapping[str, Node]:
    if is_null(node):
        return {}
    body = mapping(node, what, reading.findings, "write its parameters as `name: value`")
    return {key: each.value for key, each in body.entries.items()} if body else {}
