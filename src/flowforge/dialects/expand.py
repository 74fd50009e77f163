"""A tree with values in the place of its `<< >>`, sharing with the old one all that stays as it was."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.node import Entry, Map, Node, Scalar, Sequence
from flowforge.dialects.placeholder import embed, placeholders, template
from flowforge.dialects.tree import Refused
from flowforge.model.problem import Mark

MOST_NODES = 500_000
MOST_CHARACTERS = 32 * 1024 * 1024
"""What all expansions of one file may make together."""

EARLY = "pipeline."
"""Values of this family are known for the whole file; the others only where they are given."""


class Expander:
    """`pipeline` are the values that the whole file may use, by their names behind `pipeline.`."""

    def __init__(self, pipeline: Mapping[str, Node], findings: Findings) -> None:
        self.pipeline: Mapping[str, Node] = {f"{EARLY}{name}": value for name, value in pipeline.items()}
        self._findings = findings
        self._nodes = 0
        self._characters = 0
        self._early: dict[int, tuple[Node, Node]] = {}
        self._closed: set[int] = set()

    def begin(self, root: Map) -> Map:
        """The file with the pipeline's values in it; from then on it is known which parts wait for others."""
        entries = {
            name: entry if name == "parameters" else replace(entry, value=self._once(entry.value))
            for name, entry in root.entries.items()
            if not name.startswith("x-")
        }
        return Map(entries=entries, mark=root.mark)

    def is_closed(self, node: Node) -> bool:
        """Whether it is a part of the file that says the same wherever it is used."""
        return id(node) in self._closed

    def kept(self, node: Map) -> Map:
        """The same; known from now on as a part of the file where all that stands in it is one."""
        if all(id(entry.value) in self._closed for entry in node.entries.values()):
            self._early[id(node)] = (node, node)
            self._closed.add(id(node))
        return node

    @contextmanager
    def saying(self, findings: Findings) -> Iterator[None]:
        """Problems go to `findings` for a while."""
        kept, self._findings = self._findings, findings
        try:
            yield
        finally:
            self._findings = kept

    def expand(self, node: Node, values: Mapping[str, Node]) -> Node:
        closed = self._closed
        if id(node) in closed:
            return node
        if isinstance(node, Scalar):
            return self._scalar(node, values)
        self._spend(1, 0, node.mark)
        if isinstance(node, Sequence):
            items = [item if id(item) in closed else self.expand(item, values) for item in node.items]
            return Sequence(items=tuple(items), mark=node.mark)
        return Map(
            entries={
                name: entry
                if id(entry.value) in closed
                else Entry(key=entry.key, value=self.expand(entry.value, values))
                for name, entry in node.entries.items()
            },
            mark=node.mark,
        )

    def _once(self, node: Node) -> Node:
        """An alias is the same node in many places, and stays one."""
        known = self._early.get(id(node))
        if known is None:
            made, closed = self._first(node)
            # Both are kept so that no other node takes over their identity.
            known = self._early[id(node)] = (node, made)
            if closed:
                self._closed.add(id(made))
        return known[1]

    def _first(self, node: Node) -> tuple[Node, bool]:
        if isinstance(node, Scalar):
            made = self._scalar(node, self.pipeline, early=True) if "<<" in node.text else node
            return made, not (isinstance(made, Scalar) and placeholders(made.text))
        if isinstance(node, Sequence):
            items = [self._once(item) for item in node.items]
            same = all(one is other for one, other in zip(items, node.items, strict=True))
            sequence = node if same else Sequence(items=tuple(items), mark=node.mark)
            return sequence, all(id(item) in self._closed for item in items)
        values = {name: self._once(entry.value) for name, entry in node.entries.items()}
        same = all(node.entries[name].value is value for name, value in values.items())
        entries = {name: Entry(key=node.entries[name].key, value=value) for name, value in values.items()}
        made = node if same else Map(entries=entries, mark=node.mark)
        return made, all(id(value) in self._closed for value in values.values())

    def _scalar(self, node: Scalar, values: Mapping[str, Node], *, early: bool = False) -> Node:
        made = template(node.text)
        names = [name for name in made.names if not early or name.startswith(EARLY)]
        if not names:
            return node
        missing = next((name for name in names if name not in values), None)
        if missing is not None:
            self._unknown(missing, node, values)
            return Scalar(text="", value="", mark=node.mark)
        return (
            self._placed(values[made.sole], node.mark) if made.sole else self._embedded(node, names, values)
        )

    def _placed(self, value: Node, mark: Mark) -> Node:
        self._spend(1, 0, mark)
        return replace(value, mark=mark) if isinstance(value, Scalar) else value

    def _embedded(self, node: Scalar, names: Iterable[str], values: Mapping[str, Node]) -> Node:
        texts: dict[str, Scalar] = {}
        size = len(node.text)
        for name in names:
            value = values[name]
            if not isinstance(value, Scalar):
                message = f"{quote(f'<< {name} >>')} is no text, and stands inside one"
                self._findings.unreadable("wrong-type", node.mark, message, "let it stand alone as the value")
                return Scalar(text="", value="", mark=node.mark)
            texts[name] = value
            size += len(value.text) + sum(map(len, value.outside))
        self._spend(1, size, node.mark)
        return embed(node, texts)

    def _unknown(self, name: str, node: Scalar, values: Mapping[str, Node]) -> None:
        near = self._findings.nearest(name, values)
        hint = f"did you mean `<< {near} >>`?" if near else _known(name, values)
        message = f"there is no value {quote(f'<< {name} >>')} here"
        self._findings.unreadable("unknown-value", node.mark, message, hint)

    def _spend(self, nodes: int, characters: int, mark: Mark) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > MOST_NODES or self._characters > MOST_CHARACTERS:
            limits = f"{MOST_NODES} values or {MOST_CHARACTERS} characters"
            message = f"with its `<< >>` written out, the file has more than {limits}"
            self._findings.error("too-large-expanded", mark, message, "use fewer or shorter values")
            raise Refused


def _known(name: str, values: Mapping[str, Node]) -> str:
    family = name.partition(".")[0]
    names = sorted(each for each in values if each.startswith(f"{family}."))[:8]
    if names:
        return "write one of " + ", ".join(f"`<< {each} >>`" for each in names)
    return "declare it, or write the value itself; a text with `<<` is written `\\<<`"
