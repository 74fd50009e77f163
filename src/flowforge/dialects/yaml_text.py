"""What can be said of YAML text before it is parsed, and when it cannot be."""

import re

import yaml

from flowforge.dialects.findings import Findings
from flowforge.model.problem import Mark

LARGEST_FILE = 1024 * 1024

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
# YAML 1.1 also takes U+0085, U+2028 and U+2029 for line breaks and 1.2 does not: with them, two readers could see two files.
_NOT_TEXT = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)

_HINTS = (
    (
        "mapping values are not allowed",
        "quote text that contains `: `, or look at the indentation of this line",
    ),
    (
        "cannot start any token",
        "indent with spaces instead of tabs, and quote text that begins with @, ` or %",
    ),
    ("tab character", "indent with spaces instead of tabs"),
    ("unexpected end of stream", "close the quote"),
    ("']'", "close the bracket `[` with `]`, separate items by commas, and quote text that contains `: `"),
    ("'}'", "close the brace `{` with `}`, separate entries by commas, and quote text that contains `: `"),
    ("could not find expected ':'", "write `key: value`, with a space behind the colon"),
    ("expected key", "begin all keys of one mapping in the same column"),
    ("expected '-' indicator", "begin all items of one list in the same column, each with `- `"),
    ("escape", "write a backslash as `\\\\`, or use single quotes"),
    ("tag handle", "leave the tag out, or quote text that begins with `!`"),
    ("node content", "write a value here, or quote the text"),
)


def without_bom(text: str) -> str:
    return text.removeprefix("\ufeff")


def check_text(text: str, findings: Findings) -> bool:
    """Whether a parser should see it at all."""
    start = Mark(path=findings.path)
    if len(text) > LARGEST_FILE or len(text.encode(errors="surrogatepass")) > LARGEST_FILE:
        findings.error("file-too-large", start, f"the file has more than {LARGEST_FILE} bytes", "split it up")
        return False
    if found := _NOT_UTF8.search(text):
        place = place_of(text, found.start(), findings)
        findings.error("not-text", place, "this is not UTF-8", "save the file as UTF-8")
        return False
    if found := _NOT_TEXT.search(text):
        place = place_of(text, found.start(), findings)
        what = f"the character U+{ord(found.group()):04X} cannot stand in a text file"
        findings.error("not-text", place, what, 'remove it, or write it as an escape in "double quotes"')
        return False
    return True


def place_of(text: str, index: int, findings: Findings) -> Mark:
    line, column = end_of(text[:index])
    return Mark(path=findings.path, line=line, column=column)


def end_of(text: str) -> tuple[int, int]:
    """Line and column, from 1, of the place behind the last character."""
    lines = _LINE_BREAK.split(text)
    return len(lines), len(lines[-1]) + 1


def explain(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    """The parser's words as a message, and a hint where the mistake is a known one."""
    problem = str(error.problem)
    message = problem
    began, here = error.context_mark, error.problem_mark
    if began and here and began.line != here.line:
        message = f"{problem} {error.context} that begins at line {began.line + 1}"
    hint = next(
        (hint for words, hint in _HINTS if words in problem), "look at this line and the one above it"
    )
    return message, hint
