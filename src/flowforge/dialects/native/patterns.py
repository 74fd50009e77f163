"""Names and paths against what a file says of them, with a bound on the work of one file."""

from dataclasses import dataclass, field

from flowforge.dialects.findings import Findings, quote
from flowforge.dialects.native.fields import text
from flowforge.dialects.node import Node
from flowforge.dialects.patterns.automaton import Automaton
from flowforge.dialects.patterns.glob import compile_glob
from flowforge.dialects.patterns.regex import BadPattern, compile_regex

LONGEST_SUBJECT = 2000
MOST_CHARACTERS = 2_000_000
"""Of all names and paths that a file's patterns are held against. Beyond it a path filter passes."""


@dataclass(slots=True)
class Patterns:
    left: int = MOST_CHARACTERS
    _compiled: dict[str, Automaton | None] = field(default_factory=dict)

    def regex(self, node: Node, pattern: str, findings: Findings) -> Automaton | None:
        """None for a pattern that is none; it has been said."""
        if pattern not in self._compiled:
            try:
                self._compiled[pattern] = compile_regex(pattern)
            except BadPattern as error:
                hint = (
                    "write a regular expression without look-around and back-references, up to 500 characters"
                )
                message = f"{quote(pattern)} cannot be a pattern: {error}"
                findings.error("bad-pattern", node.mark, message, hint)
                self._compiled[pattern] = None
        return self._compiled[pattern]

    def glob(self, node: Node, what: str, findings: Findings) -> Automaton | None:
        pattern = text(node, what, findings)
        try:
            return compile_glob(pattern)
        except BadPattern as error:
            hint = "write a path such as `src/**` or `*.md`"
            findings.error("bad-pattern", node.mark, f"{quote(pattern)} cannot be a pattern: {error}", hint)
            return None

    def matches(self, automaton: Automaton | None, subject: str) -> bool:
        """False for a text too long to be a name."""
        if automaton is None or len(subject) > LONGEST_SUBJECT:
            return False
        self.left -= len(subject)
        return self.left > 0 and automaton.matches(subject)
