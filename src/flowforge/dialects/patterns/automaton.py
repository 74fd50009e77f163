"""A Thompson automaton, walked with all its states at once: no backtracking, whatever the pattern."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

MOST_STATES = 2000

Test = Callable[[str], bool]
States = frozenset[int]


class TooComplex(Exception):
    """The pattern would need more states than any honest one."""


@dataclass(slots=True)
class Automaton:
    """`tests[n]` is what a character must pass for state n to go on to `follow[n]`; None where state n takes no
    character and goes on to all of `follow[n]` at once, for one of `anchors` only where the text begins (`^`) or ends
    (`$`). States are reached from `start`; `accept` has no way on."""

    tests: list[Test | None] = field(default_factory=list)
    follow: list[list[int]] = field(default_factory=list)
    anchors: dict[int, str] = field(default_factory=dict)
    start: int = 0
    accept: int = 0
    _steps: dict[tuple[States, str], States] = field(default_factory=dict)

    def state(self, test: Test | None = None) -> int:
        if len(self.tests) >= MOST_STATES:
            raise TooComplex
        self.tests.append(test)
        self.follow.append([])
        return len(self.tests) - 1

    def matches(self, text: str) -> bool:
        """The whole of `text`."""
        now = self._closure([self.start], "^")
        for character in text:
            if not now:
                return False
            now = self._step(now, character)
        return self.accept in self._closure(now, "$" if text else "^$")

    def _step(self, now: States, character: str) -> States:
        """Remembered: the same few sets of states come again and again."""
        key = (now, character)
        known = self._steps.get(key)
        if known is None:
            if len(self._steps) >= MOST_STATES:
                self._steps.clear()
            known = self._steps[key] = self._closure(
                following
                for state in now
                if (test := self.tests[state]) is not None and test(character)
                for following in self.follow[state]
            )
        return known

    def _closure(self, states: Iterable[int], here: str = "") -> States:
        """`here` has the anchors that hold."""
        found: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state not in found:
                found.add(state)
                if self.tests[state] is None and self.anchors.get(state, "") in here:
                    waiting.extend(self.follow[state])
        return frozenset(found)
