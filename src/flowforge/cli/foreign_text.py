"""Text that others wrote, made harmless for a terminal: names, titles, logs.

What a terminal would obey is removed, whole sequences with what they carry: cursor moves, titles, links, clipboard writes,
and the characters that turn the direction of writing. Colours (SGR) stay where colours are shown.
"""

import codecs
import re
from collections.abc import Callable, Mapping

from flowforge.cli.terminal import Colour

LONGEST_SEQUENCE = 4096
"""A sequence that is longer without an end is not waited for."""

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b\n\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?"  # the rest, also one that breaks off
)
_SGR = re.compile(r"\x1b\[[0-9;:]*m")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n\x9c]*\x1b?|[ -/]*)\Z")
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
_RESET = "\x1b[0m"
_KEPT: Mapping[Colour, Callable[[re.Match[str]], str]] = {
    Colour.HIDDEN: lambda _: "",
    Colour.SHOWN: lambda match: match[0] if _SGR.fullmatch(match[0]) else "",
}


def harmless(text: str, colour: Colour = Colour.HIDDEN) -> str:
    """Newlines and tabs stay. A colour does not reach beyond its line."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SEQUENCE.sub(_KEPT[colour], text) if "\x1b" in text else text
    text = _OBEYED.sub("", text)
    if "\x1b" not in text:
        return text
    return "\n".join(line + _RESET if "\x1b" in line else line for line in text.split("\n"))


def one_line(text: str) -> str:
    """For a title in a table or an error on one line."""
    return " ".join(harmless(text).split())


class ForeignStream:
    """Bytes as they come, cut anywhere, to harmless text."""

    def __init__(self, colour: Colour) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._colour = colour

    def feed(self, data: bytes) -> str:
        text = self._held + self._decoder.decode(data)
        unfinished = _UNFINISHED.search(text, max(0, len(text) - LONGEST_SEQUENCE))
        cut = unfinished.start() if unfinished else len(text)
        if text[:cut].endswith("\r"):
            cut -= 1
        self._held = text[cut:]
        return harmless(text[:cut], self._colour)

    def end(self) -> str:
        text, self._held = self._held + self._decoder.decode(b"", final=True), ""
        return harmless(text, self._colour)
