"""Where a shell reads a variable's value once more, as arithmetic: `a[$(rm x)]` is a command there. What needs more than
one look at the script's text to be told (`let`, `declare -i`, `eval`) is not looked for."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from flowforge.dialects.outside import PLACE


class Frame(Enum):
    """What the reading is in. A body is a here-document's."""

    TEXT = auto()
    COMMANDS = auto()
    QUOTES = auto()
    BODY = auto()
    WORD = auto()
    QUOTED_WORD = auto()
    TEST = auto()
    COMMAND = auto()
    EXPANSION = auto()
    OLD_EXPANSION = auto()
    SLICE = auto()
    SUBSCRIPT = auto()
    PARENTHESIS = auto()
    BRACKET = auto()


_SHOWN = {
    Frame.TEST: "[[ … -eq … ]]",
    Frame.COMMAND: "((…))",
    Frame.EXPANSION: "$((…))",
    Frame.OLD_EXPANSION: "$[…]",
    Frame.SLICE: "${…:…}",
    Frame.SUBSCRIPT: "${…[…]}",
}
_COUNTS = frozenset({*_SHOWN, Frame.PARENTHESIS, Frame.BRACKET}) - {Frame.TEST}
_QUOTES = frozenset({Frame.QUOTES, Frame.BODY, Frame.QUOTED_WORD})
_RUNS = frozenset({Frame.TEXT, Frame.COMMANDS})
_OPENED = {"$((": Frame.EXPANSION, "$(": Frame.COMMANDS, "$[": Frame.OLD_EXPANSION}
_SQUARE = frozenset({Frame.OLD_EXPANSION, Frame.SUBSCRIPT, Frame.BRACKET})
_DOUBLE = frozenset({Frame.COMMAND, Frame.EXPANSION})
_NOT_A_SLICE = ("-", "=", "?", "+")

_PERHAPS = re.compile(r"\(\(|\[\[|\$[\[{]")
_EXPANDED = rf"\\.|\$\(\(|\$\(|\$\[|\$\{{(?:[!#]?(?:\w+|[@*]))?(?:\[|:(?![-=?+]))?|{PLACE}"
_BEFORE = r"(?:^|(?<=[\s;&|(!]))"
_SHELL_TOKEN = re.compile(
    rf"{_EXPANDED}|\$'(?:\\.|[^'\\])*'?|'[^']*'?|\(\(|&&|\|\||{_BEFORE}\#[^\n]*"
    rf"|{_BEFORE}\[\[(?=\s)|(?<=\s)\]\]|(?<=\s)-(?:eq|ne|lt|le|gt|ge)(?=\s)"
    r"""|<<<|<<-?[ \t]*(?P<mute>['"\\]?)(?P<ends>[A-Za-z_]\w*)|["()\n}]""",
    re.DOTALL,
)
_QUOTED_TOKEN = re.compile(rf'{_EXPANDED}|["}}]', re.DOTALL)
_COUNTED_TOKEN = re.compile(rf"{_EXPANDED}|[()\[\]}}]", re.DOTALL)


@dataclass(slots=True)
class _Open:
    """A frame that is not over. `holds` says whether somebody else's value is in it, of a test: in the comparison that
    is being read; `held` whether one was in an earlier one."""

    frame: Frame
    at: int
    holds: bool = False
    held: bool = False
    compares: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """As people write it, and the script's line in which it begins, from 1."""

    shown: str
    line: int


@lru_cache(maxsize=256)
def evaluated(text: str) -> Evaluated | None:
    """The first place that ends where somebody else's value would be reckoned with. In time that grows with the text
    alone."""
    if not _PERHAPS.search(text):
        return None
    found = _Reading(text, Frame.TEXT, 0, len(text)).first()
    return Evaluated(shown=_SHOWN[found.frame], line=text.count("\n", 0, found.at) + 1) if found else None


class _Reading:
    def __init__(self, text: str, outermost: Frame, start: int, end: int) -> None:
        self._text = text
        self._outermost = outermost
        self._at = start
        self._end = end
        self._stack = [_Open(outermost, start)]
        self._documents: list[tuple[str, bool]] = []

    def first(self) -> _Open | None:
        while match := self._pattern().search(self._text, self._at, self._end):
            self._at = match.end()
            found = self._read(match)
            if found:
                return found
        return None

    @property
    def _top(self) -> _Open:
        return self._stack[-1]

    def _pattern(self) -> re.Pattern[str]:
        frame = self._top.frame
        if frame in _COUNTS:
            return _COUNTED_TOKEN
        return _QUOTED_TOKEN if frame in _QUOTES else _SHELL_TOKEN

    def _read(self, match: re.Match[str]) -> _Open | None:
        sign = match[0]
        if sign == PLACE:
            self._top.holds = True
        elif sign in _OPENED:
            self._open(_OPENED[sign], match.start())
        elif sign.startswith("${"):
            self._open_word(sign, match.start())
        elif self._top.frame in _COUNTS:
            return self._count(sign, match.start())
        elif sign == '"':
            self._quote(match.start())
        elif sign == "}":
            self._close_if(Frame.WORD, Frame.QUOTED_WORD)
        elif self._top.frame is Frame.TEST:
            return self._test(sign)
        elif self._top.frame in _RUNS:
            return self._run(match)
        return None

    def _open(self, frame: Frame, at: int) -> None:
        self._stack.append(_Open(frame, at))

    def _close(self) -> _Open:
        """What holds a value makes what is around it hold one."""
        over = self._stack.pop()
        self._top.holds = self._top.holds or over.holds or over.held
        return over

    def _close_if(self, *frames: Frame) -> None:
        if self._top.frame in frames:
            self._close()

    def _close_counted(self) -> _Open | None:
        over = self._close()
        return over if over.holds and over.frame in _SHOWN else None

    def _open_word(self, sign: str, at: int) -> None:
        if sign.endswith(":"):
            self._open(Frame.SLICE, at)
            return
        self._open(Frame.QUOTED_WORD if self._top.frame in _QUOTES else Frame.WORD, at)
        if sign.endswith("["):
            self._open(Frame.SUBSCRIPT, at)

    def _quote(self, at: int) -> None:
        if self._top.frame is Frame.QUOTES:
            self._close()
        elif self._top.frame is not Frame.BODY:
            self._open(Frame.QUOTES, at)

    def _count(self, sign: str, at: int) -> _Open | None:
        """In arithmetic, where quotes quote nothing."""
        frame = self._top.frame
        if sign in "([":
            self._open(Frame.PARENTHESIS if sign == "(" else Frame.BRACKET, at)
        elif sign == ")":
            return self._close_parenthesis()
        elif sign == "]" and frame in _SQUARE:
            found = self._close_counted()
            if frame is Frame.SUBSCRIPT and self._slices():
                self._top.frame = Frame.SLICE
            return found
        elif sign == "}" and frame is Frame.SLICE:
            return self._close_counted()
        return None

    def _slices(self) -> bool:
        return self._text.startswith(":", self._at) and not self._text.startswith(_NOT_A_SLICE, self._at + 1)

    def _close_parenthesis(self) -> _Open | None:
        frame = self._top.frame
        if frame is Frame.PARENTHESIS:
            self._close()
        elif frame in _DOUBLE and self._text.startswith(")", self._at):
            self._at += 1
            return self._close_counted()
        elif frame in _DOUBLE:
            # `$((a); b)` were commands in a subshell.
            self._top.frame = Frame.COMMANDS
        return None

    def _test(self, sign: str) -> _Open | None:
        top = self._top
        if sign.startswith("-"):
            top.compares = True
        elif sign in ("&&", "||", "(", ")", "((", "]]"):
            if top.compares and top.holds:
                return top
            top.held, top.holds, top.compares = top.held or top.holds, False, False
            if sign == "]]":
                self._close()
        return None

    def _run(self, match: re.Match[str]) -> _Open | None:
        """Where commands stand."""
        sign, at = match[0], match.start()
        if sign in ("(", "((", "[["):
            self._open({"(": Frame.COMMANDS, "((": Frame.COMMAND, "[[": Frame.TEST}[sign], at)
        elif sign == ")":
            self._close_if(Frame.COMMANDS)
        elif match["ends"] and self._outermost is Frame.TEXT:
            self._documents.append((match["ends"], not match["mute"]))
        elif sign == "\n" and self._documents:
            return self._read_documents()
        return None

    def _read_documents(self) -> _Open | None:
        """Those within what one of them runs are not told apart, so that each text is looked through once."""
        documents, self._documents = self._documents, []
        for ends, speaks in documents:
            start = self._at
            last = re.compile(rf"^\t*{ends}$", re.MULTILINE).search(self._text, start)
            end, self._at = (last.start(), last.end()) if last else (self._end, self._end)
            found = _Reading(self._text, Frame.BODY, start, end).first() if speaks else None
            if found:
                return found
        return None
