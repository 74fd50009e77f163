"""A condition in one line: `pipeline.git.branch == "main" and not pipeline.parameters.dry`.

`or` binds least, then `and`, then one comparison, then `not`. Source of operators and types:
https://circleci.com/docs/reference/configuration-reference/#jobfilters
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from flowforge.dialects.findings import quote
from flowforge.dialects.native.reading import Reading
from flowforge.dialects.node import Scalar, Value
from flowforge.dialects.outside import PLACE, filled

LONGEST = 4000
DEEPEST = 50

_LOOK = re.compile(r"[=!]=|\bstarts-with\b|\bpipeline\.|^not\s")
_WRAPPED = re.compile(r"\s*<<(.*)>>\s*", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<number>-?[0-9]+(?:\.[0-9]+)?)
    |(?P<sign>==|!=|>=|<=|[<>()])
    |(?P<word>[A-Za-z_][\w.-]*)
    |(?P<outside>\0))\s*""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(rf"\\(.)|({PLACE})", re.DOTALL)
_HINT = 'write it like `pipeline.git.branch == "main" and not pipeline.parameters.dry`'
_LITERALS = {"true": True, "false": False}
_OPERATORS = frozenset({"and", "or", "not", "starts-with"})
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    ">=": lambda one, other: one >= other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    "<": lambda one, other: one < other,
}
_COMPARISONS = frozenset({"==", "!=", "starts-with", *_ORDER})
_NO_VALUES = frozenset({*_OPERATORS, *_COMPARISONS, ")"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """`value` stands in for one that hangs on an occasion which is not there, where it `is_open`."""

    value: Value
    is_open: bool = False

    @property
    def truth(self) -> bool | None:
        return None if self.is_open else self.value == self.value and bool(self.value)


class BadExpression(Exception):
    """A text that is none; its words are for the one who wrote it."""


def looks_like_one(node: Scalar) -> bool:
    return isinstance(node.value, str) and _LOOK.search(node.text) is not None


def expression(node: Scalar, reading: Reading) -> bool | None:
    """Whether it holds; None where that hangs on an occasion that is not there, or after an error."""
    wrapped = _WRAPPED.fullmatch(node.text)
    try:
        return _Evaluation(wrapped[1] if wrapped else node.text, node, reading).result()
    except BadExpression as error:
        message = f"{quote(filled(node).strip())} cannot be a condition: {error}"
        reading.findings.error("bad-expression", node.mark, message, _HINT)
        return None


class _Evaluation:
    def __init__(self, text: str, node: Scalar, reading: Reading) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0
        self._outside = iter(node.outside)
        self._reading = reading

    def result(self) -> bool | None:
        term = self._any()
        if self._at < len(self._tokens):
            raise BadExpression(f"{self._shown()} stands behind its end")
        return term.truth

    def _any(self) -> Term:
        term = self._all()
        while self._take("or"):
            term = _joined(term, self._all(), decisive=True)
        return term

    def _all(self) -> Term:
        term = self._compared()
        while self._take("and"):
            term = _joined(term, self._compared(), decisive=False)
        return term

    def _compared(self) -> Term:
        left = self._negated()
        sign = self._peek()
        if sign not in _COMPARISONS:
            return left
        self._at += 1
        return _compare(sign, left, self._negated())

    def _negated(self) -> Term:
        times = 0
        while self._take("not"):
            times += 1
        term = self._single()
        for _ in range(times):
            term = Term(value=not term.truth, is_open=term.is_open)
        return term

    def _single(self) -> Term:
        if self._take("("):
            self._depth += 1
            if self._depth > DEEPEST:
                raise BadExpression(f"its parentheses are more than {DEEPEST} deep")
            term = self._any()
            if not self._take(")"):
                raise BadExpression("a `)` is missing")
            self._depth -= 1
            return term
        here = self._peek()
        if here is None or here in _NO_VALUES:
            raise BadExpression(f"a value is missing at {self._shown()}")
        self._at += 1
        return self._value(here)

    def _value(self, token: str) -> Term:
        if token == PLACE:
            return self._foreign(next(self._outside, ""))
        if token.startswith('"'):
            return self._text(token)
        if token in _LITERALS:
            return Term(value=_LITERALS[token])
        if token[0] in "-0123456789":
            return Term(value=float(token))
        return self._named(token)

    def _text(self, token: str) -> Term:
        """With what stands in it in its place; a `\\` of somebody else's is none."""
        foreign = PLACE in token
        text = _ESCAPED.sub(lambda found: found[1] or next(self._outside, ""), token[1:-1])
        return self._foreign(text) if foreign else Term(value=text)

    def _foreign(self, text: str) -> Term:
        return Term(value=text, is_open=self._reading.for_nothing)

    def _named(self, name: str) -> Term:
        values = self._reading.expander.pipeline
        node = values.get(name)
        if isinstance(node, Scalar):
            value = filled(node) if node.outside else node.value
            return Term(value=value, is_open=bool(node.outside) and self._reading.for_nothing)
        if name == "matches":
            raise BadExpression(
                "`matches` is no operator; write `matches: {pattern: …, value: …}` below `when`"
            )
        near = self._reading.findings.nearest(name, (*values, *_OPERATORS))
        raise BadExpression(
            f"there is no value {quote(name)}" + (f", did you mean {quote(near)}?" if near else "")
        )

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, token: str) -> bool:
        found = self._peek() == token
        self._at += found
        return found

    def _shown(self) -> str:
        token = self._peek()
        return quote(token) if token else "its end"


def _tokens(text: str) -> Iterator[str]:
    if len(text) > LONGEST:
        raise BadExpression(f"it has more than {LONGEST} characters")
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            rest = text[at:].lstrip()
            more = "; texts stand in double quotes" if rest.startswith(("'", '"')) else ""
            raise BadExpression(f"{quote(rest[:1])} has no meaning here{more}")
        yield found[str(found.lastgroup)]
        at = found.end()


def _joined(left: Term, right: Term, *, decisive: bool) -> Term:
    """`or` is decided by one that holds, `and` by one that does not."""
    truths = (left.truth, right.truth)
    if decisive in truths:
        return Term(value=decisive)
    return Term(value=not decisive, is_open=None in truths)


def _compare(sign: str, left: Term, right: Term) -> Term:
    one, other = left.value, right.value
    if sign == "starts-with":
        if not isinstance(one, str) or not isinstance(other, str):
            raise BadExpression("`starts-with` takes texts")
        holds = one.startswith(other)
    elif sign in _ORDER:
        if not _is_number(one) or not _is_number(other):
            raise BadExpression(f"{quote(sign)} takes numbers")
        holds = _ORDER[sign](one, other)
    else:
        same = one == other and _kind(one) is _kind(other)
        holds = same is (sign == "==")
    return Term(value=holds, is_open=left.is_open or right.is_open)


def _is_number(value: Value) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Value) -> type:
    return float if _is_number(value) else type(value)
