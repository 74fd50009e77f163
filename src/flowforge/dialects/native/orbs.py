"""`orbs:`: definitions under a common name. One that is written out is read; one that lies elsewhere is named where it
is used."""

from collections.abc import Mapping

from flowforge.dialects.native import vocabulary
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.definitions import definitions
from flowforge.dialects.native.fields import check_keys, is_null, mapping, text
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.native.vocabulary import Vocabulary
from flowforge.dialects.node import Map, Node

MOST_ORBS = 100

ORB = Vocabulary(
    unknown="unknown key of an orb:",
    now=("commands", "executors", "jobs", "description", "display", "examples", "version"),
    later={"orbs": "write the other orb's definitions into this one"},
)


def read_orbs(node: Node | None, reading: Reading) -> Mapping[str, Definition]:
    """The jobs of those that are written out; their commands and executors are added to the file's own."""
    if node is None or is_null(node) or "orbs" not in reading.grammar.words.top.now:
        return {}
    body = mapping(node, "`orbs`", reading.findings)
    if body is None:
        return {}
    entries = list(body.entries.items())[:MOST_ORBS]
    if len(body.entries) > MOST_ORBS:
        message = f"a file has at most {MOST_ORBS} orbs"
        reading.findings.error("too-many", node.mark, message, "use fewer")
    inline = {name: entry.value for name, entry in entries if isinstance(entry.value, Map)}
    reading.orbs = {
        name: "" if name in inline else text(entry.value, "an orb", reading.findings)
        for name, entry in entries
    }
    found: dict[str, Definition] = {}
    for name, orb in inline.items():
        found.update(_orb(f"{name}/", orb, reading))
    return found


def _orb(family: str, body: Map, reading: Reading) -> Mapping[str, Definition]:
    check_keys(body, ORB, reading.findings)
    words = reading.grammar.words
    commands = definitions(body.get("commands"), "command", vocabulary.COMMAND, reading, family)
    executors = definitions(body.get("executors"), "executor", words.executor, reading, family)
    reading.commands = {**reading.commands, **commands}
    reading.executors = {**reading.executors, **executors}
    return definitions(body.get("jobs"), "job", words.job, reading, family)
