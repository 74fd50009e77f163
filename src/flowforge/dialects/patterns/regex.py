"""Regular expressions without look-around and back-references, which are what makes matching slow."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from flowforge.dialects.patterns.automaton import Automaton, Test, TooComplex

LONGEST_PATTERN = 500
MOST_REPEATS = 200

_CLASSES: dict[str, Test] = {
    "d": lambda c: c in "0123456789",
    "w": lambda c: c.isascii() and (c.isalnum() or c == "_"),
    "s": lambda c: c in " \t\n\r\f\v",
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_COUNT = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}")
_HEX = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")


class BadPattern(Exception):
    """Its text is a sentence about the pattern."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an automaton between two states."""

    first: int
    last: int


def compile_regex(pattern: str) -> Automaton:
    """It matches whole texts; `.*` at an end lets it match anywhere. Raises BadPattern."""
    if len(pattern) > LONGEST_PATTERN:
        raise BadPattern(f"it has more than {LONGEST_PATTERN} characters")
    try:
        return _Compiler(pattern).compile()
    except TooComplex:
        raise BadPattern("it repeats too much") from None


class _Compiler:
    def __init__(self, pattern: str) -> None:
        self._fold = pattern.startswith("(?i)")
        self._text = pattern.removeprefix("(?i)")
        self._at = 0
        self._depth = 0
        self._made = Automaton()

    def compile(self) -> Automaton:
        part = self._alternatives()
        if self._at < len(self._text):
            _refuse("a `)` has no `(`")
        self._made.start, self._made.accept = part.first, part.last
        return self._made

    def _alternatives(self) -> Part:
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        return self._either(parts) if len(parts) > 1 else parts[0]

    def _either(self, parts: list[Part]) -> Part:
        first, last = self._made.state(), self._made.state()
        for part in parts:
            self._link(first, part.first)
            self._link(part.last, last)
        return Part(first, last)

    def _sequence(self) -> Part:
        whole = self._nothing()
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            whole = self._then(whole, self._repeated())
        return whole

    def _repeated(self) -> Part:
        begun = self._at
        part = self._atom()
        limits = self._limits()
        if limits is None:
            return part
        ended = self._at
        self._take("?") or self._take("+")
        after = self._at
        if self._limits() is not None:
            _refuse("two signs of repetition stand side by side")
        self._at = ended
        result = self._times(begun, part, *limits)
        self._at = after
        return result

    def _limits(self) -> tuple[int, int | None] | None:
        for sign, limits in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return limits
        if not (match := _COUNT.match(self._text, self._at)):
            return None
        self._at = match.end()
        least = int(match[1])
        most = least if match[2] is None else int(match[3]) if match[3] else None
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            _refuse(f"`{match[0]}` is not a number of repetitions up to {MOST_REPEATS}")
        return least, most

    def _times(self, begun: int, part: Part, least: int, most: int | None) -> Part:
        """`part` is read again from `begun` for each further time it stands there."""
        copies = [part] + [self._again(begun) for _ in range(max(least, most or 0, 1) - 1)]
        whole = self._nothing()
        for number, copy in enumerate(copies):
            endless = most is None and number == len(copies) - 1
            once = self._loop(copy) if endless else copy
            whole = self._then(whole, self._maybe(once) if number >= least else once)
        return whole if most != 0 else self._nothing()

    def _again(self, begun: int) -> Part:
        self._at = begun
        return self._atom()

    def _loop(self, part: Part) -> Part:
        self._link(part.last, part.first)
        return part

    def _maybe(self, part: Part) -> Part:
        first, last = self._made.state(), self._made.state()
        self._link(first, part.first)
        self._link(part.last, last)
        self._link(first, last)
        return Part(first, last)

    def _atom(self) -> Part:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return self._one(self._set())
        if character == ".":
            return self._one(lambda c: c != "\n")
        if character == "\\":
            return self._one(self._escape())
        if character in "^$":
            return self._anchor(character)
        if character in "*+?":
            _refuse(f"`{character}` has nothing to repeat")
        return self._one(self._literal(character))

    def _anchor(self, character: str) -> Part:
        state, behind = self._made.state(), self._made.state()
        self._made.anchors[state] = character
        self._link(state, behind)
        return Part(state, behind)

    def _group(self) -> Part:
        self._depth += 1
        if self._depth > 50:
            _refuse("it has too many `(` inside one another")
        if self._take("?") and not self._take(":"):
            _refuse("`(?` is only known as `(?:`, and as `(?i)` in front; look-around is not")
        part = self._alternatives()
        if not self._take(")"):
            _refuse("a `(` has no `)`")
        self._depth -= 1
        return part

    def _escape(self) -> Test:
        character = self._next()
        if character.lower() in _CLASSES:
            test = _CLASSES[character.lower()]
            return test if character.islower() else lambda c: not test(c)
        return self._literal(self._escaped(character))

    def _escaped(self, character: str) -> str:
        if match := _HEX.match(self._text, self._at - 1):
            self._at = match.end()
            return chr(int(match[1] or match[2], 16))
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isascii() and character.isalnum():
            _refuse(f"`\\{character}` is not known")
        return character

    def _set(self) -> Test:
        inverted = self._take("^")
        tests: list[Test] = []
        while not tests or not self._peek("]"):
            tests.append(self._member())
        self._at += 1
        return lambda c: any(test(c) for test in tests) is not inverted

    def _member(self) -> Test:
        character = self._next()
        if character == "\\":
            if self._text[self._at : self._at + 1].lower() in ("d", "w", "s"):
                return self._escape()
            character = self._escaped(self._next())
        if not self._peek("-") or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return self._literal(character)
        self._at += 1
        end = self._next()
        end = self._escaped(self._next()) if end == "\\" else end
        if end < character:
            _refuse(f"`{character}-{end}` is not a range")
        return self._folded(lambda c: character <= c <= end)

    def _literal(self, character: str) -> Test:
        return self._folded(character.__eq__)

    def _folded(self, test: Callable[[str], bool]) -> Test:
        return (lambda c: test(c.lower()) or test(c.upper())) if self._fold else test

    def _one(self, test: Test) -> Part:
        first, last = self._made.state(test), self._made.state()
        self._link(first, last)
        return Part(first, last)

    def _nothing(self) -> Part:
        state = self._made.state()
        return Part(state, state)

    def _then(self, one: Part, other: Part) -> Part:
        self._link(one.last, other.first)
        return Part(one.first, other.last)

    def _link(self, state: int, to: int) -> None:
        self._made.follow[state].append(to)

    def _next(self) -> str:
        if self._at >= len(self._text):
            _refuse("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _peek(self, character: str) -> bool:
        return self._text.startswith(character, self._at)

    def _take(self, character: str) -> bool:
        found = self._peek(character)
        self._at += found
        return found


def _refuse(why: str) -> NoReturn:
    raise BadPattern(why)
