"""One file while it is read."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flowforge.dialects.expand import Expander
from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.definition import Definition
from flowforge.dialects.native.grammar import Grammar
from flowforge.dialects.native.patterns import Patterns
from flowforge.dialects.node import Map, Node
from flowforge.dialects.tree import Refused
from flowforge.model.inputs import Given
from flowforge.model.problem import Mark
from flowforge.model.schedule import Schedule

Made = TypeVar("Made")

MOST_VISITS = 60_000
"""Steps looked at, counted anew for every use of a command: the same few lines may be many steps."""

VALUES_ONLY = frozenset({"empty-value", "bad-value", "bad-image", "bad-name", "bad-path", "bad-duration"})
"""What may be wrong with a part only because nobody gave it values."""


@dataclass(slots=True, kw_only=True)
class Reading:
    findings: Findings
    grammar: Grammar
    given: Given
    expander: Expander
    commands: Mapping[str, Definition] = field(default_factory=dict)
    executors: Mapping[str, Definition] = field(default_factory=dict)
    orbs: Mapping[str, str] = field(default_factory=dict)
    schedules: tuple[Schedule, ...] = ()
    patterns: Patterns = field(default_factory=Patterns)
    _visits: int = 0
    _known: dict[tuple[object, int], Any] = field(default_factory=dict)

    @property
    def for_nothing(self) -> bool:
        """Whether the file is read as such, and not for an occasion."""
        return self.given.trigger is None

    def once(self, what: object, node: Node, make: Callable[[], Made]) -> Made:
        """What `make` makes of a part of the file; jobs that share the part share it too. `what` tells apart ways to
        read one part."""
        if not self.expander.is_closed(node):
            return make()
        key = (what, id(node))
        if key not in self._known:
            self._known[key] = make()
        made: Made = self._known[key]
        return made

    def outline_of(self, node: Map, varied: Container[str], make: Callable[[], Made]) -> Made:
        """Like `once` for a mapping that may be different in each use below the keys `varied`, and only there."""
        key = ("outline", id(node))
        if key in self._known:
            known: Made = self._known[key]
            return known
        made = make()
        if all(name in varied or self.expander.is_closed(each.value) for name, each in node.entries.items()):
            self._known[key] = made
        return made

    def explain(self, node: Node, word: str) -> bool:
        """Say what is the matter with a word of an orb; False where it is none."""
        orb, _, rest = word.partition("/")
        if not rest or orb not in self.orbs:
            return False
        source = self.orbs[orb]
        if source:
            message = f"{quote(word)} comes from the orb {quote(source)}, which is not fetched"
            hint = f"write what it does into this file, as {quote(rest)}, or the orb itself below `orbs`"
        else:
            message, hint = f"the orb {quote(orb)} defines no {quote(rest)}", "look at the names it defines"
        self.findings.error("orb", node.mark, message, hint)
        return True

    def visit(self, mark: Mark) -> None:
        self._visits += 1
        if self._visits > MOST_VISITS:
            message = (
                f"the commands and job groups of this file come to more than {MOST_VISITS} steps and jobs"
            )
            self.findings.error("too-many", mark, message, "use them in fewer places")
            raise Refused

    def aside(self, look: Callable[[], object]) -> None:
        """Look at a part that has no place in the pipeline: what is wrong with its shape is said, what may only be
        wrong with sample values is not."""
        kept, self.findings = self.findings, Findings(self.findings.path)
        known, self._known = self._known, {}
        try:
            with self.expander.saying(self.findings):
                look()
        finally:
            self._known = known
            aside, self.findings = self.findings, kept
            self.findings.take(aside, but=VALUES_ONLY)
