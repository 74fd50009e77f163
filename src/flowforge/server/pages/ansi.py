"""A line of a log as HTML. Colours and weights stay; everything else that a terminal would obey is taken out.

The bytes are a job's, so they are hostile: nothing of them becomes markup, an address, or an order of the text.
"""

import re
from dataclasses import dataclass, replace
from html import escape

LONGEST = 4_000
"""Characters of a line that are shown."""

_ESCAPES = re.compile(
    r"\x1b\[([0-?]*)[ -/]*([@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]?"
)
_PLAIN = re.compile(
    r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]*"
)
_SPECIAL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Style:
    fore: int | None = None
    back: int | None = None
    bold: bool = False
    italic: bool = False
    underline: bool = False

    @property
    def classes(self) -> str:
        names = (
            f"a{self.fore}" if self.fore is not None else "",
            f"b{self.back}" if self.back is not None else "",
            "ab" if self.bold else "",
            "ai" if self.italic else "",
            "au" if self.underline else "",
        )
        return " ".join(name for name in names if name)


def line_html(raw: bytes) -> str:
    """Without its newline. Styles end with their line."""
    text = _after_returns(raw[: LONGEST * 8].decode("utf-8", errors="replace"))
    if _PLAIN.fullmatch(text) and len(text) <= LONGEST:
        return escape(text)
    shown = "".join(_spans(text[:LONGEST]))
    cut = len(text) - LONGEST if len(text) > LONGEST else 0
    return shown + ('<span class="sub"> … the line goes on</span>' if cut or len(raw) > LONGEST * 8 else "")


def plain_text(raw: bytes) -> str:
    return _ESCAPES.sub("", _after_returns(raw[: LONGEST * 8].decode("utf-8", errors="replace")))


def _after_returns(text: str) -> str:
    """What a progress bar wrote last: earlier texts were painted over."""
    return text.rstrip("\r").rsplit("\r", 1)[-1]


def _spans(text: str) -> list[str]:
    style, at, parts = Style(), 0, []
    for match in _ESCAPES.finditer(text):
        parts.append(_span(text[at : match.start()], style))
        at = match.end()
        if match[2] == "m":
            style = _styled(style, match[1])
    parts.append(_span(text[at:], style))
    return parts


def _span(text: str, style: Style) -> str:
    if not text:
        return ""
    inner = escape(_SPECIAL.sub(_visible, text))
    return f'<span class="{style.classes}">{inner}</span>' if style.classes else inner


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else f"[U+{code:04X}]"


def _styled(style: Style, parameters: str) -> Style:
    codes = [int(part) if part.isdigit() and len(part) < 4 else 0 for part in parameters.split(";")]
    while codes:
        code = codes.pop(0)
        style = _indexed(style, code, codes) if code in (38, 48) else _simple(style, code)
    return style


def _indexed(style: Style, code: int, codes: list[int]) -> Style:
    """Of 256 colours the first 16 are ours to show; true colours are not."""
    kind = codes.pop(0) if codes else 0
    if kind != 5:
        del codes[:3]
        return style
    colour = codes.pop(0) if codes else 99
    if code == 38 and colour < 16:
        return replace(style, fore=colour)
    return replace(style, back=colour) if code == 48 and colour < 8 else style


_SWITCHES: dict[int, dict[str, bool]] = {
    1: {"bold": True},
    3: {"italic": True},
    4: {"underline": True},
    22: {"bold": False},
    23: {"italic": False},
    24: {"underline": False},
}


def _simple(style: Style, code: int) -> Style:
    if code == 0:
        return Style()
    if code in _SWITCHES:
        return replace(style, **_SWITCHES[code])
    if 30 <= code <= 37 or 90 <= code <= 97:
        return replace(style, fore=code - 30 if code < 40 else code - 82)
    if 40 <= code <= 47 or 100 <= code <= 107:
        return replace(style, back=code - 40 if code < 50 else code - 100)
    return replace(style, fore=None if code == 39 else style.fore, back=None if code == 49 else style.back)
