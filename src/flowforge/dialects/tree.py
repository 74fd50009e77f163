"""From a parser's events to a tree, within limits."""

from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.mapping_entries import entries_of
from flowforge.dialects.node import Map, Node, Scalar, Sequence
from flowforge.dialects.tags import check_collection_tag, scalar_value
from flowforge.model.problem import Mark

DEEPEST = 64
MOST_NODES = 50_000
MOST_CHARACTERS = 4 * 1024 * 1024
"""What a document may come to when each alias counts as much as what it stands for."""


class Refused(Exception):
    """The rest of the document is not worth reading; the finding is written down."""


@dataclass(slots=True)
class Weight:
    nodes: int = 1
    characters: int = 0
    height: int = 1

    def add(self, other: "Weight") -> None:
        self.nodes += other.nodes
        self.characters += other.characters
        self.height = max(self.height, other.height + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """`node` is None while it is still being read."""

    node: Node | None
    weight: Weight


@dataclass(slots=True, kw_only=True)
class Opened:
    """A list or mapping whose end has not come yet."""

    anchor: str | None
    mark: Mark
    children: list[Node] = field(default_factory=list)
    weight: Weight = field(default_factory=Weight)


class TreeBuilder:
    """Takes events until the parser ends; then `root` is the document, or None where there was none."""

    def __init__(self, findings: Findings) -> None:
        self.root: Node | None = None
        self.last = Mark(path=findings.path)
        self._findings = findings
        self._open: list[Opened] = []
        self._anchors: dict[str, Anchored] = {}
        self._total = Weight(nodes=0)
        self._documents = 0
        self._aliases = 0
        self._takers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end_map,
            yaml.SequenceEndEvent: self._end_sequence,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }

    def take(self, event: Any) -> None:
        taker = self._takers.get(type(event))
        if taker is not None:
            start = event.start_mark
            self.last = Mark(path=self._findings.path, line=start.line + 1, column=start.column + 1)
            taker(event)

    def _document(self, _event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse(
                "several-documents", "a second document begins here", "keep one, without a `---` behind it"
            )

    def _scalar(self, event: Any) -> None:
        weight = Weight(1, len(event.value), 1)
        self._grow(weight)
        value = scalar_value(event, self.last, self._findings)
        node = Scalar(
            text=event.value, value=value, mark=self.last, plain=event.tag is None and event.implicit[0]
        )
        self._place(node, weight, event.anchor)

    def _start(self, event: Any) -> None:
        weight = Weight()
        self._grow(weight)
        check_collection_tag(event, self.last, self._findings)
        self._open.append(Opened(anchor=event.anchor, mark=self.last, weight=weight))
        if event.anchor:
            self._anchors[event.anchor] = Anchored(node=None, weight=weight)

    def _end_map(self, _event: Any) -> None:
        opened = self._open.pop()
        entries = entries_of(opened.children, self._findings)
        self._place(Map(entries=entries, mark=opened.mark), opened.weight, opened.anchor)

    def _end_sequence(self, _event: Any) -> None:
        opened = self._open.pop()
        self._place(Sequence(items=tuple(opened.children), mark=opened.mark), opened.weight, opened.anchor)

    def _alias(self, event: Any) -> None:
        self._aliases += 1
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            self._unknown_alias(event.anchor)
            self._place(Scalar(text="", value="", mark=self.last), Weight(), None)
        elif anchored.node is None:
            name = event.anchor
            hint = f"move {quote('&' + name)} to a value that does not contain {quote('*' + name)}"
            self._refuse("recursive-alias", f"{quote('*' + name)} stands inside what it stands for", hint)
        else:
            self._grow(anchored.weight)
            self._place(anchored.node, anchored.weight, None)

    def _unknown_alias(self, name: str) -> None:
        anchor = quote(f"&{name}")
        near = self._findings.nearest(name, self._anchors)
        hint = (
            f"did you mean {quote('*' + near)}?"
            if near
            else f"write {anchor} before the value it stands for, above this line"
        )
        self._findings.unreadable(
            "unknown-alias", self.last, f"there is no anchor {anchor} above this line", hint
        )

    def _place(self, node: Node, weight: Weight, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = Anchored(node=node, weight=weight)
        if self._open:
            self._open[-1].children.append(node)
            self._open[-1].weight.add(weight)
        else:
            self.root = node

    def _grow(self, weight: Weight) -> None:
        self._total.add(weight)
        if len(self._open) + weight.height > DEEPEST:
            self._refuse("too-deep", f"more than {DEEPEST} levels of nesting", "nest less")
        if self._total.nodes > MOST_NODES or self._total.characters > MOST_CHARACTERS:
            self._refuse(
                "too-large-expanded",
                f"with its aliases written out, the file has more than {MOST_NODES} values or {MOST_CHARACTERS} characters",
                "use fewer aliases of aliases" if self._aliases else "write fewer or shorter values",
            )

    def _refuse(self, code: str, message: str, hint: str) -> NoReturn:
        self._findings.error(code, self.last, message, hint)
        raise Refused
